//! Who takes part.

mod embedding;
mod native;
mod node;
mod palisade;
mod wasmtime;

use crate::contender::Contender;

/// All that this build and this machine have, in the order of reports.
fn all() -> Vec<Box<dyn Contender>> {
    let mut all: Vec<Box<dyn Contender>> =
        vec![Box::new(palisade::Palisade), Box::new(wasmtime::Wasmtime::cranelift())];
    all.extend(node::Node::find().map(|node| Box::new(node) as Box<dyn Contender>));
    all.extend(native::Native::find().map(|native| Box::new(native) as Box<dyn Contender>));
    all.push(Box::new(wasmtime::Wasmtime::winch()));
    all
}

/// Those with the given names; all if there are none.
pub(crate) fn chosen(names: &[String]) -> Result<Vec<Box<dyn Contender>>, String> {
    let mut all = all();
    if let Some(unknown) = names.iter().find(|name| all.iter().all(|one| one.name() != **name)) {
        let known: Vec<_> = all.iter().map(|one| one.name()).collect();
        return Err(format!("there is no contender {unknown} here, only {}", known.join(", ")));
    }
    all.retain(|one| names.is_empty() || names.iter().any(|name| name == one.name()));
    Ok(all)
}
