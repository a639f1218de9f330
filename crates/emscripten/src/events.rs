//! The event loop: calls of what the guest has set timers for.

use std::thread;
use std::time::{Duration, Instant};

use palisade::{AsContextMut, Caller, Error, Func, FuncType, Result, Table, Trap, Val, ValType};

use crate::bound::{Find, not_ours};
use crate::ctx::Emscripten;
use crate::link::Context;
use crate::threads::Unwind;
use crate::timers::{Target, Timer};

/// How long a thread waits without looking whether it is interrupted.
pub(crate) const LOOK_UP: Duration = Duration::from_millis(50);

/// The function at an index of the guest's table.
pub(crate) fn in_table(store: impl AsContextMut, table: Option<Table>, index: u32) -> Result<Func> {
    let entry = table.and_then(|table| table.get(store, index.into()));
    match entry.as_ref().map(|entry| entry.as_func()) {
        None => Err(Trap::TableOutOfBounds.into()),
        Some(Some(Some(func))) => Ok(*func),
        Some(_) => Err(Trap::IndirectCallToNull.into()),
    }
}

/// Whether a function takes no more than the numbers, and gives none but integers.
pub(crate) fn takes(ty: &FuncType, numbers: &[Val]) -> bool {
    let fits = |(ty, value): (ValType, &Val)| {
        matches!((ty, value), (ValType::I32, Val::I32(_)) | (ValType::F64, Val::F64(_)))
    };
    ty.results().all(|ty| ty == ValType::I32)
        && ty.params().len() <= numbers.len()
        && ty.params().zip(numbers).all(fits)
}

/// Calls a function with as many of the numbers as it takes; its first result, or 0.
pub(crate) fn call_loosely(
    mut store: impl AsContextMut,
    func: &Func,
    numbers: &[Val],
) -> Result<u32> {
    let ty = func.ty(&store);
    if !takes(&ty, numbers) {
        return Err(Trap::BadSignature.into());
    }
    let mut results = vec![Val::I32(0); ty.results().len()];
    func.call(&mut store, &numbers[..ty.params().len()], &mut results)?;
    Ok(results.first().map_or(0, |result| result.unwrap_i32().cast_unsigned()))
}

/// As [`call_loosely`], of an export, which an error for its type names.
fn call_export(
    store: impl AsContextMut,
    (func, name): (&Func, &str),
    numbers: &[Val],
) -> Result<u32> {
    let ty = func.ty(&store);
    if !takes(&ty, numbers) {
        return Err(not_ours(Error::msg(format!("it is {ty}")), name));
    }
    call_loosely(store, func, numbers)
}

/// What a function of the event loop ends with: it may leave its functions and go on later.
pub(crate) fn go_on(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.is::<Unwind>() => Ok(()),
        result => result,
    }
}

fn int(value: u32) -> Val {
    Val::I32(value.cast_signed())
}

/// Calls what is due. What becomes due meanwhile is for the next time.
pub(crate) fn run_due<T: 'static>(
    mut store: impl AsContextMut<Data = T>,
    ctx: &Find<T>,
) -> Result<()> {
    let mut store = store.as_context_mut();
    store.check_interrupt()?;
    for id in ctx(store.data_mut()).timers.due(Instant::now()) {
        let now = Instant::now();
        let Some(timer) = ctx(store.data_mut()).timers.begin(id, now) else { continue };
        let mut asked = false;
        go_on(fire(&mut store, ctx, timer).map(|result| asked = result != 0))?;
        ctx(store.data_mut()).timers.end(timer, now, asked)?;
    }
    Ok(())
}

fn fire<T: 'static>(
    mut store: impl AsContextMut<Data = T>,
    ctx: &Find<T>,
    timer: Timer,
) -> Result<u32> {
    let mut store = store.as_context_mut();
    let data = ctx(store.data_mut());
    let time = Val::F64((data.shared.began.elapsed().as_secs_f64() * 1000.0).to_bits());
    let (table, linked) = (data.linked.table, &data.linked);
    let lacking = |name: &str| Error::msg(format!("the module does not export `{name}`"));
    match timer.target {
        Target::Func(index, arg) => {
            let func = in_table(&mut store, table, index)?;
            call_loosely(&mut store, &func, &[int(arg)])
        }
        Target::Timed(index, arg) => {
            let func = in_table(&mut store, table, index)?;
            call_loosely(&mut store, &func, &[time, int(arg)])
        }
        Target::Raise(signal) => {
            let raise = linked.raise.ok_or_else(|| lacking("raise"))?;
            call_export(&mut store, (&raise, "raise"), &[int(signal)])
        }
        Target::Interval(which) => {
            let timeout = linked.timeout.ok_or_else(|| lacking("_emscripten_timeout"))?;
            call_export(&mut store, (&timeout, "_emscripten_timeout"), &[int(which), time])
        }
    }
}

/// Lets the time pass, or less of it; not much longer than the program runs.
pub(crate) fn pause(data: &Emscripten, time: Duration) {
    let time = time.min(LOOK_UP);
    match &data.member {
        Some(member) => member.crew.sleep(member.address, time),
        None => thread::sleep(time),
    }
}

/// `emscripten_sleep`: other functions of the guest can run meanwhile.
pub(crate) fn sleep<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: impl Context<T>,
    millis: u32,
) -> Result<()> {
    let end = Instant::now() + Duration::from_millis(millis.into());
    loop {
        run_due(&mut *caller, &ctx)?;
        let data = ctx(caller.data_mut());
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        pause(data, left.min(data.timers.wait()));
    }
}
