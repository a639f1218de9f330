//! JavaScript as tokens, with brackets paired: as much of its grammar as reading glue code needs.
//!
//! Any text gives tokens. What is no JavaScript gives ones that mean nothing, and brackets without
//! partners, which nothing is found in.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    Number,
    /// A string or a piece of a template, without quotes, escapes as they are written.
    Text,
    Regex,
    Mark,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
}

/// The tokens of a text.
pub(super) struct Tokens<'a> {
    all: Vec<Token<'a>>,
    /// Of a bracket, the other one.
    partner: Vec<Option<usize>>,
    /// The brace of the block that a token is in.
    block: Vec<Option<usize>>,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Tokens<'a> {
        let mut lexer = Lexer { text, at: 0, all: Vec::new(), templates: Vec::new() };
        while lexer.step() {}
        let all = lexer.all;
        let mut partner = vec![None; all.len()];
        let mut block = Vec::with_capacity(all.len());
        let (mut open, mut blocks): (Vec<usize>, Vec<usize>) = Default::default();
        for (i, token) in all.iter().enumerate() {
            let mark = if token.kind == Kind::Mark { token.text } else { "" };
            if let ")" | "]" | "}" = mark {
                let fits = open.last().is_some_and(|&at| closes(all[at].text, mark));
                if fits && let Some(at) = open.pop() {
                    partner[at] = Some(i);
                    partner[i] = Some(at);
                    blocks.pop_if(|block| *block == at);
                }
            }
            block.push(blocks.last().copied());
            if let "(" | "[" | "{" | "${" = mark {
                open.push(i);
            }
            if mark == "{" {
                blocks.push(i);
            }
        }
        Tokens { all, partner, block }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn get(&self, at: usize) -> Option<Token<'a>> {
        self.all.get(at).copied()
    }

    /// The text of a token; that of none is empty.
    pub(super) fn text(&self, at: usize) -> &'a str {
        self.all.get(at).map_or("", |token| token.text)
    }

    pub(super) fn is_mark(&self, at: usize, mark: &str) -> bool {
        self.all.get(at).is_some_and(|token| token.kind == Kind::Mark && token.text == mark)
    }

    /// The name at a place, if there is one.
    pub(super) fn name(&self, at: usize) -> Option<&'a str> {
        let token = self.all.get(at)?;
        (token.kind == Kind::Name).then_some(token.text)
    }

    /// The string at a place, if there is one.
    pub(super) fn string(&self, at: usize) -> Option<&'a str> {
        let token = self.all.get(at)?;
        (token.kind == Kind::Text).then_some(token.text)
    }

    pub(super) fn partner(&self, at: usize) -> Option<usize> {
        self.partner.get(at).copied().flatten()
    }

    /// The brace of the block that a token is in.
    pub(super) fn block(&self, at: usize) -> Option<usize> {
        self.block.get(at).copied().flatten()
    }

    /// The end of an expression that begins at `from`: the first comma, semicolon or bracket that
    /// is not of it.
    pub(super) fn end_of_expression(&self, from: usize) -> usize {
        let mut at = from;
        while let Some(token) = self.all.get(at) {
            if token.kind == Kind::Mark {
                match token.text {
                    "," | ";" | ")" | "]" | "}" => return at,
                    "(" | "[" | "{" | "${" => match self.partner(at) {
                        Some(close) => at = close,
                        None => return self.all.len(),
                    },
                    _ => {}
                }
            }
            at += 1;
        }
        at
    }
}

fn closes(open: &str, close: &str) -> bool {
    matches!((open, close), ("(", ")") | ("[", "]") | ("{" | "${", "}"))
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    all: Vec<Token<'a>>,
    /// For each template that is open, how many braces are in the expression that is read.
    templates: Vec<usize>,
}

/// Marks of more than one character, the longer ones first.
const MARKS: &[&str] = &[
    ">>>=", "...", "===", "!==", ">>>", "<<=", ">>=", "&&=", "||=", "??=", "**=", "=>", "==", "!=",
    "<=", ">=", "&&", "||", "??", "?.", "**", "++", "--", "+=", "-=", "*=", "/=", "%=", "&=", "|=",
    "^=", "<<", ">>",
];

/// Words after which a slash begins a regular expression.
const BEFORE_REGEX: &[&str] = &[
    "return",
    "typeof",
    "case",
    "in",
    "of",
    "do",
    "else",
    "void",
    "delete",
    "throw",
    "new",
    "instanceof",
    "await",
    "yield",
];

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn push(&mut self, kind: Kind, text: &'a str) {
        self.all.push(Token { kind, text });
    }

    /// Reads a token, or what is between them; says whether there may be more.
    fn step(&mut self) -> bool {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return false };
        if first.is_whitespace() || first == '\u{feff}' {
            self.at += first.len_utf8();
        } else if rest.starts_with("//") {
            self.at += rest.find('\n').unwrap_or(rest.len());
        } else if rest.starts_with("/*") {
            self.at += rest.find("*/").map_or(rest.len(), |end| end + 2);
        } else if is_name(first) {
            let len = rest.find(|letter| !is_name(letter)).unwrap_or(rest.len());
            // Digits are letters of names, but not their first.
            let numeric = first.is_ascii_digit();
            if numeric { self.number(rest) } else { self.take(Kind::Name, len) }
        } else if first == '.' && rest[1..].starts_with(|letter: char| letter.is_ascii_digit()) {
            self.number(rest);
        } else if let '"' | '\'' = first {
            self.string(rest, first);
        } else if first == '`' {
            self.at += 1;
            self.template();
        } else if first == '/' && self.regex(rest) {
            // It is taken.
        } else {
            self.mark(rest, first);
        }
        true
    }

    fn take(&mut self, kind: Kind, len: usize) {
        let rest = self.rest();
        self.push(kind, &rest[..len]);
        self.at += len;
    }

    fn number(&mut self, rest: &str) {
        let mut len = 0;
        let mut before = ' ';
        let exponents = !rest.starts_with("0x") && !rest.starts_with("0X");
        for letter in rest.chars() {
            let sign = matches!(letter, '+' | '-') && matches!(before, 'e' | 'E') && exponents;
            if !(letter.is_ascii_alphanumeric() || letter == '.' || letter == '_' || sign) {
                break;
            }
            len += 1;
            before = letter;
        }
        self.take(Kind::Number, len);
    }

    fn string(&mut self, rest: &'a str, quote: char) {
        let mut escaped = false;
        let end = rest[1..].find(|letter| {
            let end = !escaped && letter == quote;
            escaped = !escaped && letter == '\\';
            end
        });
        let end = end.unwrap_or(rest.len() - 1);
        self.push(Kind::Text, &rest[1..1 + end]);
        self.at += (end + 2).min(rest.len());
    }

    /// Reads a piece of a template: up to its end, or to an expression in it.
    fn template(&mut self) {
        let rest = self.rest();
        let mut escaped = false;
        let bytes = rest.as_bytes();
        for (i, letter) in rest.char_indices() {
            if escaped {
                escaped = false;
            } else if letter == '\\' {
                escaped = true;
            } else if letter == '`' {
                self.push(Kind::Text, &rest[..i]);
                self.at += i + 1;
                return;
            } else if letter == '$' && bytes.get(i + 1) == Some(&b'{') {
                self.push(Kind::Text, &rest[..i]);
                self.push(Kind::Mark, &rest[i..i + 2]);
                self.at += i + 2;
                self.templates.push(0);
                return;
            }
        }
        self.push(Kind::Text, rest);
        self.at = self.text.len();
    }

    /// Takes a regular expression, if one can begin here and it ends on its line.
    fn regex(&mut self, rest: &str) -> bool {
        let possible = self.all.last().is_none_or(|last| match last.kind {
            Kind::Name => BEFORE_REGEX.contains(&last.text),
            Kind::Mark => !matches!(last.text, ")" | "]" | "}"),
            Kind::Number | Kind::Text | Kind::Regex => false,
        });
        if !possible {
            return false;
        }
        let (mut escaped, mut class) = (false, false);
        for (i, letter) in rest.char_indices().skip(1) {
            match letter {
                '\n' => return false,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '[' => class = true,
                ']' => class = false,
                '/' if !class => {
                    self.take(Kind::Regex, i + 1);
                    return true;
                }
                _ => {}
            }
        }
        false
    }

    fn mark(&mut self, rest: &str, first: char) {
        if let (Some(depth), '{' | '}') = (self.templates.last_mut(), first) {
            match (first, *depth) {
                ('}', 0) => {
                    self.templates.pop();
                    self.take(Kind::Mark, 1);
                    return self.template();
                }
                ('}', _) => *depth -= 1,
                _ => *depth += 1,
            }
        }
        let long = MARKS.iter().find(|mark| rest.starts_with(**mark));
        // `a?.5:1` is a choice.
        let choice = rest.starts_with("?.") && rest[2..].starts_with(|c: char| c.is_ascii_digit());
        let len = long.filter(|_| !choice).map_or(first.len_utf8(), |mark| mark.len());
        self.take(Kind::Mark, len);
    }
}

fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '$')
}

#[cfg(test)]
mod tests {
    use super::{Kind, Tokens};

    fn texts(text: &str) -> Vec<&str> {
        let tokens = Tokens::new(text);
        (0..tokens.len()).map(|at| tokens.text(at)).collect()
    }

    #[test]
    fn a_text_becomes_tokens() {
        assert_eq!(
            texts("a=>{b?.c??=1e-7}//x\n/* } */'it\\'s'"),
            ["a", "=>", "{", "b", "?.", "c", "??=", "1e-7", "}", "it\\'s"]
        );
        assert_eq!(
            texts("x=a/b/c;y=/[/]\\/}/g"),
            ["x", "=", "a", "/", "b", "/", "c", ";", "y", "=", "/[/]\\/}/", "g"]
        );
        assert_eq!(
            texts("`a${{b:`c${d}`}}e`"),
            ["a", "${", "{", "b", ":", "c", "${", "d", "}", "", "}", "}", "e"]
        );
        assert_eq!(texts("a?.5:0x1e+2"), ["a", "?", ".5", ":", "0x1e", "+", "2"]);
    }

    #[test]
    fn brackets_have_partners() {
        let tokens = Tokens::new("f({a:[1,2]},`x${y}`)");
        assert_eq!(tokens.partner(1), Some(tokens.len() - 1));
        assert_eq!(tokens.end_of_expression(2), 11);
        assert_eq!(tokens.block(4), Some(2));
        assert_eq!(tokens.get(0).map(|token| token.kind), Some(Kind::Name));
    }

    #[test]
    fn what_is_no_javascript_gives_tokens_too() {
        for text in
            ["", "(", ")", "}{", "`", "`${", "`${`", "\"", "'\\", "/", "/*", "1.", "é=\u{3000}ß"]
        {
            let tokens = Tokens::new(text);
            for at in 0..tokens.len() + 2 {
                let _ = (tokens.text(at), tokens.end_of_expression(at), tokens.block(at));
            }
        }
    }
}
