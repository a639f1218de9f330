//! A child process that is told what to do, line by line, and answers each line with two numbers: what it measured and
//! what it computed.

use crate::contender::Sample;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The process. It ends with this.
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Result<Process, String> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let input = child.stdin.take().expect("stdin is a pipe");
        let output = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        Ok(Process { child, input, output })
    }

    /// Says a line and reads the answer. What is not two numbers is a message of what went wrong.
    pub(crate) fn ask(&mut self, line: &str) -> Result<Sample, String> {
        let mut answer = String::new();
        writeln!(self.input, "{line}")
            .and_then(|()| self.input.flush())
            .and_then(|()| self.output.read_line(&mut answer))
            .map_err(|error| format!("the process is gone: {error}"))?;
        parse(&answer)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Failure means that it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The two numbers of an answer, or else its text as an error.
pub(crate) fn parse(answer: &str) -> Result<Sample, String> {
    let numbers = || {
        let (value, result) = answer.trim().split_once(' ')?;
        Some(Sample { value: value.parse().ok()?, result: result.parse().ok()? })
    };
    numbers().ok_or_else(|| match answer.trim() {
        "" => "the process ended".to_string(),
        message => message.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_two_numbers_or_a_message() {
        let sample = parse("1234.5 -7\n").expect("two numbers");
        assert_eq!((sample.value, sample.result), (1234.5, -7));
        assert_eq!(parse("out of memory\n").err().as_deref(), Some("out of memory"));
        assert_eq!(parse("").err().as_deref(), Some("the process ended"));
    }
}
