//! Carrying out the directives of one script.
//!
//! A directive either succeeds, or gives a message that becomes a failure at its line; the next one goes on.
//! When a module fails, its name and the "current instance" mean nothing until the next module, so that what was
//! written for it fails too instead of being tried on an older module.

use super::{Failure, FileReport, spectest, values};
use palisade::{
    Config, Engine, Error, Extern, Func, Instance, Linker, Module, SharedMemory, Store,
    ThrownException, Trap, Val,
};
use std::collections::HashMap;
use std::thread::{Scope, ScopedJoinHandle};
use wast::lexer::Lexer;
use wast::parser::{self, ParseBuffer};
use wast::token::Id;
use wast::{QuoteWat, Wast, WastDirective, WastExecute, WastInvoke, WastThread, Wat};

pub(super) fn run(name: &str, text: &str, engine: &Engine) -> FileReport {
    let mut report = Reporter::new(name, text);
    if let Err(error) = run_directives(&mut report, engine) {
        report.fail(error.span().offset(), format!("cannot parse: {}", error.message()));
    }
    report.report
}

fn run_directives(report: &mut Reporter<'_>, engine: &Engine) -> Result<(), wast::Error> {
    let mut lexer = Lexer::new(report.text);
    // The specification tests names with just such characters.
    lexer.allow_confusing_unicode(true);
    let buffer = ParseBuffer::new_with_lexer(lexer)?;
    let wast: Wast<'_> = parser::parse(&buffer)?;

    let outcomes = std::thread::scope(|scope| {
        carry_out_all(scope, engine, wast.directives, SharedItems::default())
    });
    report.report.passed = outcomes.passed;
    for (offset, message) in outcomes.failures {
        report.fail(offset, message);
    }
    Ok(())
}

/// What became of directives.
#[derive(Default)]
struct Outcomes {
    passed: usize,
    /// Offset in the text, and message.
    failures: Vec<(usize, Message)>,
}

/// What a thread of a script sees of the module that is shared with it, by the module's name.
type SharedItems = HashMap<String, Vec<(String, SharedMemory)>>;

/// Carries out directives with a store of their own, on this thread; those of `thread` directives on others. Ends when all
/// have ended.
fn carry_out_all<'scope>(
    scope: &'scope Scope<'scope, '_>,
    engine: &'scope Engine,
    directives: Vec<WastDirective<'scope>>,
    shared: SharedItems,
) -> Outcomes {
    let mut outcomes = Outcomes::default();
    let mut script = match Script::new(engine) {
        Ok(script) => Script { shared, ..script },
        Err(error) => {
            outcomes.failures.push((0, format!("cannot provide spectest: {error:#}")));
            return outcomes;
        }
    };
    let mut threads: HashMap<&str, ScopedJoinHandle<'scope, Outcomes>> = HashMap::new();
    for directive in directives {
        let offset = directive.span().offset();
        let is_assertion = is_assertion(&directive);
        let result = match directive {
            WastDirective::Thread(WastThread { name, shared_module, directives, .. }) => {
                script.shared_items(shared_module).map(|shared| {
                    let run = move || carry_out_all(scope, engine, directives, shared);
                    if let Some(previous) = threads.insert(name.name(), scope.spawn(run)) {
                        outcomes.join(previous);
                    }
                })
            }
            WastDirective::Wait { thread, .. } => match threads.remove(thread.name()) {
                Some(thread) => {
                    outcomes.join(thread);
                    Ok(())
                }
                None => Err(format!("no thread {}", show_id(Some(thread)))),
            },
            directive => script.carry_out(directive),
        };
        match result {
            Ok(()) => outcomes.passed += usize::from(is_assertion),
            Err(message) => outcomes.failures.push((offset, message)),
        }
    }
    threads.into_values().for_each(|thread| outcomes.join(thread));
    outcomes.failures.sort_by_key(|(offset, _)| *offset);
    outcomes
}

impl Outcomes {
    /// Waits for a thread, and adds what became of its directives.
    fn join(&mut self, thread: ScopedJoinHandle<'_, Outcomes>) {
        let theirs = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        self.passed += theirs.passed;
        self.failures.extend(theirs.failures);
    }
}

/// Whether the directive counts when it succeeds. The others only make ready.
fn is_assertion(directive: &WastDirective<'_>) -> bool {
    !matches!(
        directive,
        WastDirective::Module(_)
            | WastDirective::ModuleDefinition(_)
            | WastDirective::ModuleInstance { .. }
            | WastDirective::Register { .. }
            | WastDirective::Invoke(_)
            | WastDirective::Thread(_)
            | WastDirective::Wait { .. }
    )
}

struct Reporter<'a> {
    name: &'a str,
    text: &'a str,
    /// Offsets of the line feeds: a script can have thousands of failures, and counting for each would be quadratic.
    line_feeds: Vec<usize>,
    report: FileReport,
}

impl<'a> Reporter<'a> {
    fn new(name: &'a str, text: &'a str) -> Self {
        let line_feeds = text.match_indices('\n').map(|(offset, _)| offset).collect();
        Reporter { name, text, line_feeds, report: FileReport::default() }
    }

    fn fail(&mut self, offset: usize, message: String) {
        let line = 1 + self.line_feeds.partition_point(|&line_feed| line_feed < offset);
        self.report.failures.push(Failure { file: self.name.to_string(), line, message });
    }
}

/// Why a directive failed.
type Message = String;

/// What a guest did: its results, or how it ended.
type Outcome = Result<Vec<Val>, Error>;

/// Names and state of a script.
struct Script {
    engine: Engine,
    store: Store<()>,
    linker: Linker<()>,
    definitions: HashMap<String, Module>,
    last_definition: Option<Module>,
    instances: HashMap<String, Instance>,
    current: Option<Instance>,
    shared: SharedItems,
}

impl Script {
    fn new(engine: &Engine) -> Result<Script, Error> {
        let mut store = Store::new(engine, ());
        let linker = spectest::linker(engine, &mut store)?;
        Ok(Script {
            engine: engine.clone(),
            store,
            linker,
            definitions: HashMap::new(),
            last_definition: None,
            instances: HashMap::new(),
            current: None,
            shared: SharedItems::default(),
        })
    }

    fn carry_out(&mut self, directive: WastDirective<'_>) -> Result<(), Message> {
        match directive {
            WastDirective::Module(module) => self.module(module),
            WastDirective::ModuleDefinition(module) => self.definition(module),
            WastDirective::ModuleInstance { instance, module, .. } => {
                self.instance_of(instance, module)
            }
            WastDirective::Register { name, module, .. } => self.register(name, module),
            WastDirective::Invoke(invoke) => self.invoke(invoke)?.map(drop).map_err(failed),
            WastDirective::AssertReturn { exec, results, .. } => self.assert_return(exec, &results),
            WastDirective::AssertTrap { exec, message, .. } => {
                let outcome = self.execute(exec)?;
                assert_trap(&outcome, message)
            }
            WastDirective::AssertExhaustion { call, message, .. } => {
                let outcome = self.invoke(call)?;
                assert_trap(&outcome, message)
            }
            WastDirective::AssertException { exec, .. } => {
                let outcome = self.execute(exec)?;
                assert_exception(&outcome)
            }
            WastDirective::AssertInvalid { module, message, .. } => {
                self.assert_refused(module, "invalid", message)
            }
            WastDirective::AssertMalformed { module, message, .. } => {
                self.assert_refused(module, "malformed", message)
            }
            WastDirective::AssertUnlinkable { module, message, .. } => {
                self.assert_unlinkable(QuoteWat::Wat(module), message)
            }
            WastDirective::AssertSuspension { .. } => Err("unsupported: assert_suspension".into()),
            WastDirective::AssertInvalidCustom { .. } => {
                Err("unsupported: assert_invalid_custom".into())
            }
            WastDirective::AssertMalformedCustom { .. } => {
                Err("unsupported: assert_malformed_custom".into())
            }
            WastDirective::Thread(_) | WastDirective::Wait { .. } => {
                unreachable!("threads are the business of `carry_out_all`")
            }
        }
    }

    fn module(&mut self, module: QuoteWat<'_>) -> Result<(), Message> {
        let name = module.name();
        let instance = self
            .compile(module)
            .and_then(|module| self.linker.instantiate(&mut self.store, &module));
        self.set_current(name, instance.as_ref().ok().copied());
        instance.map(drop).map_err(|error| format!("module failed: {}", show(&error)))
    }

    fn definition(&mut self, module: QuoteWat<'_>) -> Result<(), Message> {
        let name = module.name();
        let compiled = self.compile(module);
        self.last_definition = compiled.as_ref().ok().cloned();
        if let Some(name) = name {
            self.definitions.remove(name.name());
            if let Ok(module) = &compiled {
                self.definitions.insert(name.name().to_string(), module.clone());
            }
        }
        compiled.map(drop).map_err(|error| format!("module definition failed: {}", show(&error)))
    }

    fn instance_of(&mut self, name: Option<Id<'_>>, module: Option<Id<'_>>) -> Result<(), Message> {
        let definition = match module {
            Some(module) => self.definitions.get(module.name()),
            None => self.last_definition.as_ref(),
        };
        let Some(definition) = definition else {
            self.set_current(name, None);
            return Err(format!("no module definition {}", show_id(module)));
        };
        let instance = self.linker.instantiate(&mut self.store, definition);
        self.set_current(name, instance.as_ref().ok().copied());
        instance.map(drop).map_err(|error| format!("module instance failed: {}", show(&error)))
    }

    /// Makes `instance` what later directives mean, by default and by `name`.
    fn set_current(&mut self, name: Option<Id<'_>>, instance: Option<Instance>) {
        self.current = instance;
        if let Some(name) = name {
            match instance {
                Some(instance) => self.instances.insert(name.name().to_string(), instance),
                None => self.instances.remove(name.name()),
            };
        }
    }

    fn register(&mut self, name: &str, module: Option<Id<'_>>) -> Result<(), Message> {
        let cannot = |error| format!("cannot register {name:?}: {}", show(&error));
        if let Some(items) = module.and_then(|module| self.shared.get(module.name())) {
            for (item, memory) in items {
                self.linker.define(&self.store, name, item, memory.clone()).map_err(cannot)?;
            }
            return Ok(());
        }
        let instance = self.instance(module)?;
        self.linker.instance(&mut self.store, name, instance).map(drop).map_err(cannot)
    }

    /// What a thread sees of `module`: its exported shared memories, since everything else belongs to this store.
    fn shared_items(&mut self, module: Option<Id<'_>>) -> Result<SharedItems, Message> {
        let Some(module) = module else { return Ok(SharedItems::default()) };
        let instance = self.instance(Some(module))?;
        let exports = instance.exports(&mut self.store);
        let memories = exports
            .filter_map(|export| Some((export.name().to_string(), export.into_shared_memory()?)));
        Ok(HashMap::from([(module.name().to_string(), memories.collect())]))
    }

    fn instance(&self, name: Option<Id<'_>>) -> Result<Instance, Message> {
        let instance = match name {
            Some(name) => self.instances.get(name.name()).copied(),
            None => self.current,
        };
        instance.ok_or_else(|| format!("no instance {}", show_id(name)))
    }

    fn compile(&self, mut module: QuoteWat<'_>) -> Result<Module, Error> {
        let binary = module.encode().map_err(|error| Error::msg(error.message()))?;
        Module::from_binary(&self.engine, &binary)
    }

    /// The outer error: it could not even be tried.
    fn execute(&mut self, exec: WastExecute<'_>) -> Result<Outcome, Message> {
        match exec {
            WastExecute::Invoke(invoke) => self.invoke(invoke),
            WastExecute::Get { module, global, .. } => self.get(module, global),
            WastExecute::Wat(module) => self.instantiate(module),
        }
    }

    fn invoke(&mut self, invoke: WastInvoke<'_>) -> Result<Outcome, Message> {
        let instance = self.instance(invoke.module)?;
        let func = instance
            .get_func(&mut self.store, invoke.name)
            .ok_or_else(|| format!("no exported function {:?}", invoke.name))?;
        let args = invoke.args.iter().map(|arg| values::argument(&mut self.store, arg));
        let args = args.collect::<Result<Vec<Val>, Error>>().map_err(|error| show(&error))?;
        Ok(self.call(func, &args))
    }

    fn call(&mut self, func: Func, args: &[Val]) -> Outcome {
        let mut results = vec![Val::I32(0); func.ty(&self.store).results().len()];
        func.call(&mut self.store, args, &mut results)?;
        Ok(results)
    }

    fn get(&mut self, module: Option<Id<'_>>, name: &str) -> Result<Outcome, Message> {
        match self.instance(module)?.get_export(&mut self.store, name) {
            Some(Extern::Global(global)) => Ok(Ok(vec![global.get(&mut self.store)])),
            _ => Err(format!("no exported global {name:?}")),
        }
    }

    fn instantiate(&mut self, module: Wat<'_>) -> Result<Outcome, Message> {
        let module = self.compile(QuoteWat::Wat(module)).map_err(|error| show(&error))?;
        Ok(self.linker.instantiate(&mut self.store, &module).map(|_| Vec::new()))
    }

    fn assert_return(
        &mut self,
        exec: WastExecute<'_>,
        expected: &[wast::WastRet<'_>],
    ) -> Result<(), Message> {
        let outcome = self.execute(exec)?;
        let wanted = || values::show_patterns(expected);
        let actual = outcome.map_err(|e| format!("expected {}, got {}", wanted(), show(&e)))?;
        match values::all_match(&self.store, expected, &actual) {
            Ok(true) => Ok(()),
            Ok(false) => {
                let actual = values::show_results(&self.store, expected, &actual);
                Err(format!("expected {}, got {actual}", wanted()))
            }
            Err(error) => Err(show(&error)),
        }
    }

    /// For invalid and malformed modules. Who refuses is not asked: much of what the specification calls malformed is
    /// found by the parser of the text format here, and by validation there.
    fn assert_refused(
        &self,
        mut module: QuoteWat<'_>,
        adjective: &str,
        message: &str,
    ) -> Result<(), Message> {
        let Ok(binary) = module.encode() else { return Ok(()) };
        if Module::from_binary(&self.engine, &binary).is_err() || was_refused(&binary, message) {
            return Ok(());
        }
        Err(format!("expected {adjective} module ({message}), but it compiles"))
    }

    fn assert_unlinkable(&mut self, module: QuoteWat<'_>, message: &str) -> Result<(), Message> {
        let module = self.compile(module).map_err(|error| show(&error))?;
        match self.linker.instantiate(&mut self.store, &module) {
            Ok(_) => Err(format!("expected a module that does not link ({message}), but it does")),
            Err(error) if error.is::<Trap>() => {
                Err(format!("expected a module that does not link ({message}), got {error:#}"))
            }
            Err(_) => Ok(()),
        }
    }
}

/// Whether a module was rightly refused with this message before a proposal that is standard now. Drafts of proposals
/// still say so.
fn was_refused(binary: &[u8], message: &str) -> bool {
    let mut config = Config::new();
    match message {
        "multiple memories" => config.wasm_multi_memory(false),
        "multiple tables" => config.wasm_reference_types(false),
        _ => return false,
    };
    Engine::new(&config).is_ok_and(|engine| Module::validate(&engine, binary).is_err())
}

fn assert_trap(outcome: &Outcome, expected: &str) -> Result<(), Message> {
    let actual = match outcome {
        Ok(results) => return Err(format!("expected trap {expected:?}, got results {results:?}")),
        Err(error) => match error.downcast_ref::<Trap>() {
            Some(trap) => trap.to_string(),
            None => return Err(format!("expected trap {expected:?}, got {}", show(error))),
        },
    };
    if trap_matches(&actual, expected) {
        return Ok(());
    }
    Err(format!("expected trap {expected:?}, got {actual:?}"))
}

/// Whether a trap's message says what the script expects. Some scripts are more precise than a runtime can be.
fn trap_matches(actual: &str, expected: &str) -> bool {
    actual.contains(expected)
        // With the index of the element: "uninitialized element 2".
        || (expected.starts_with("uninitialized element") && actual.contains("uninitialized element"))
        // With the kind of the reference: "null structure reference".
        || (expected.starts_with("null") && actual.contains("null reference"))
        // A call through a null entry may be noticed as either.
        || (expected == "null function reference" && actual.contains("uninitialized element"))
}

fn assert_exception(outcome: &Outcome) -> Result<(), Message> {
    match outcome {
        Ok(results) => Err(format!("expected an exception, got results {results:?}")),
        Err(error) if error.is::<ThrownException>() => Ok(()),
        Err(error) => Err(format!("expected an exception, got {}", show(error))),
    }
}

fn failed(error: Error) -> Message {
    format!("failed: {}", show(&error))
}

/// The error on one line: the trap if it is one, else the chain of causes without a backtrace.
fn show(error: &Error) -> String {
    match error.downcast_ref::<Trap>() {
        Some(trap) => trap.to_string(),
        None => format!("{error:#}").lines().map(str::trim).collect::<Vec<_>>().join(" "),
    }
}

fn show_id(id: Option<Id<'_>>) -> String {
    id.map_or_else(|| "here".into(), |id| format!("${}", id.name()))
}

#[cfg(test)]
mod tests {
    use super::trap_matches;

    #[test]
    fn messages_of_traps() {
        assert!(trap_matches("wasm trap: integer divide by zero", "integer divide by zero"));
        assert!(trap_matches("wasm trap: uninitialized element", "uninitialized element 2"));
        assert!(trap_matches("wasm trap: null reference", "null structure reference"));
        assert!(!trap_matches("wasm trap: integer overflow", "integer divide by zero"));
        assert!(!trap_matches("wasm trap: undefined element", "uninitialized element"));
    }
}
