//! What SQLite is asked for a first result.

/// SQLite as sql.js builds it. Its imports are functions that do nothing and answer zero, which is enough for a
/// database in memory.
pub(super) trait Library {
    /// Calls an export. Its result as a number, whatever its type; 0 if there is none.
    fn call(&mut self, name: &str, arguments: &[i32]) -> Result<f64, String>;

    fn memory(&mut self) -> &mut [u8];
}

/// Room for a path or statement, followed by room for an address.
const SCRATCH: i32 = 1024;
const OUT: i32 = SCRATCH - 4;

const FILL: &str = "create table t(a integer primary key, b text);
    with recursive c(x) as (select 1 union all select x + 1 from c where x < 500)
    insert into t select x, 'row ' || x from c;";
const SUM: &str = "select sum(a) + sum(length(b)) from t";

/// Opens a database, makes a table, fills it and computes a sum.
pub(super) fn script(library: &mut impl Library) -> Result<i64, String> {
    library.call("emscripten_stack_init", &[])?;
    let base = library.call("emscripten_stack_get_base", &[])? as i32;
    let end = library.call("emscripten_stack_get_end", &[])? as i32;
    library.call("__set_stack_limits", &[base, end])?;
    library.call("__wasm_call_ctors", &[])?;

    let place = library.call("malloc", &[SCRATCH])? as i32;
    write(library, place, ":memory:");
    ok(library.call("sqlite3_open", &[place, place + OUT])?)?;
    let database = read(library, place + OUT);
    write(library, place, FILL);
    ok(library.call("sqlite3_exec", &[database, place, 0, 0, 0])?)?;
    write(library, place, SUM);
    ok(library.call("sqlite3_prepare_v2", &[database, place, -1, place + OUT, 0])?)?;
    let statement = read(library, place + OUT);
    library.call("sqlite3_step", &[statement])?;
    let sum = library.call("sqlite3_column_double", &[statement, 0])?;
    ok(library.call("sqlite3_finalize", &[statement])?)?;
    ok(library.call("sqlite3_close_v2", &[database])?)?;
    Ok(sum as i64)
}

fn ok(code: f64) -> Result<(), String> {
    if code == 0.0 { Ok(()) } else { Err(format!("sqlite error {code}")) }
}

/// Writes a string and the zero that ends it.
fn write(library: &mut impl Library, place: i32, text: &str) {
    let place = place as usize;
    let memory = library.memory();
    memory[place..place + text.len()].copy_from_slice(text.as_bytes());
    memory[place + text.len()] = 0;
}

fn read(library: &mut impl Library, place: i32) -> i32 {
    let place = place as usize;
    let bytes = library.memory()[place..place + 4].try_into().expect("four bytes");
    i32::from_le_bytes(bytes)
}
