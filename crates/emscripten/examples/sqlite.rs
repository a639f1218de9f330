//! SQLite, as the npm package `sql.js` has it, with a database that stays in a folder of the host.
//!
//! ```text
//! npm install sql.js@1.16.0
//! cargo run -p palisade-emscripten --example sqlite -- \
//!     node_modules/sql.js/dist/sql-wasm-debug.wasm FOLDER "create table t (x)" "select * from t"
//! ```
//!
//! Without statements it runs some of its own. The package's other module has minified names, and
//! only its own JavaScript knows what they mean:
//!
//! ```text
//! palisade emscripten map node_modules/sql.js/dist/sql-wasm.js > map.json
//! cargo run -p palisade-emscripten --example sqlite -- \
//!     --map map.json node_modules/sql.js/dist/sql-wasm.wasm FOLDER
//! ```

use palisade::error::Context;
use palisade::{
    Engine, Error, Linker, Memory, Module, Result, Store, TypedFunc, WasmParams, WasmResults,
};
use palisade_emscripten::{Emscripten, EmscriptenBuilder, ImportMap, Imports, Program};

const OK: i32 = 0;
const ROW: i32 = 100;

const STATEMENTS: &[&str] = &[
    "create table if not exists t (a integer primary key, b text, c real)",
    "insert into t (b, c) values ('你好', 0.5), ('x', -2), (null, 1e10)",
    "select a, b, c, length(b), hex(b) from t order by c desc",
    "with recursive f(n, a, b) as
     (select 1, 0, 1 union all select n + 1, b, a + b from f where n < 50)
     select max(b) from f",
    "selec",
    "with recursive c(x) as (select 1 union all select x + 1 from c where x < 100000)
     select count(*), sum(x), group_concat(x % 7, '') is not null from c",
    "select count(*) from t",
];

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (map, args) = match &args[..] {
        [option, file, args @ ..] if option == "--map" => {
            (ImportMap::from_json(&std::fs::read_to_string(file)?)?, args)
        }
        args => (ImportMap::new(), args),
    };
    let [module, folder, statements @ ..] = args else {
        return Err(Error::msg("expected a module, a folder and perhaps statements"));
    };
    let mut sqlite = Sqlite::open(module, map, folder)?;
    let own: Vec<String> = STATEMENTS.iter().map(|text| (*text).to_owned()).collect();
    for statement in if statements.is_empty() { &own } else { statements } {
        sqlite.run(statement)?;
    }
    sqlite.close()
}

/// An open database.
struct Sqlite {
    store: Store<Emscripten>,
    program: Program<Emscripten>,
    /// What minified names mean.
    map: ImportMap,
    memory: Memory,
    database: u32,
}

impl Sqlite {
    fn open(path: &str, map: ImportMap, folder: &str) -> Result<Sqlite> {
        let engine = Engine::default();
        let module = Module::from_file(&engine, path)?;
        let mut linker = Linker::new(&engine);
        // One import is a JavaScript function, for programs of old times.
        let mut imports = Imports::of(&module).stub_missing(true);
        if map.imports() > 0 {
            imports = imports.map(&map);
        }
        imports.add_to_linker(&mut linker, |guest: &mut Emscripten| guest)?;
        let mut builder = EmscriptenBuilder::new();
        builder.inherit_stdio().import_map(map.clone()).mount(folder, "/data", false)?;
        let guest = builder.build()?;
        let mut store = Store::new(&engine, guest);
        let program = Program::instantiate(&mut store, &linker, &module, |guest| guest)?;
        let memory = map.export("memory");
        let memory = program.instance().get_memory(&mut store, memory).context("no memory")?;
        let mut sqlite = Sqlite { store, program, map, memory, database: 0 };
        let name = sqlite.string("/data/test.db")?;
        let place: u32 = sqlite.call("malloc", 4_u32)?;
        let code: i32 = sqlite.call("sqlite3_open", (name, place))?;
        sqlite.database = sqlite.word(place)?;
        sqlite.check(code)?;
        sqlite.call::<_, ()>("free", place)?;
        sqlite.call::<_, ()>("free", name)?;
        Ok(sqlite)
    }

    /// Runs one statement and prints its rows, or what is wrong with it.
    fn run(&mut self, statement: &str) -> Result<()> {
        let text = self.string(statement)?;
        let place: u32 = self.call("malloc", 4_u32)?;
        let prepared: i32 =
            self.call("sqlite3_prepare_v2", (self.database, text, -1_i32, place, 0_u32))?;
        let handle = self.word(place)?;
        self.call::<_, ()>("free", place)?;
        self.call::<_, ()>("free", text)?;
        if let Err(error) = self.check(prepared) {
            println!("{error}");
            return Ok(());
        }
        loop {
            let step: i32 = self.call("sqlite3_step", handle)?;
            if step != ROW {
                break;
            }
            let columns: i32 = self.call("sqlite3_data_count", handle)?;
            let mut row = Vec::new();
            for column in 0..columns {
                let text: u32 = self.call("sqlite3_column_text", (handle, column))?;
                row.push(if text == 0 { "NULL".to_owned() } else { self.text(text)? });
            }
            println!("{}", row.join("|"));
        }
        let code: i32 = self.call("sqlite3_finalize", handle)?;
        self.check(code)
    }

    fn close(mut self) -> Result<()> {
        let code: i32 = self.call("sqlite3_close_v2", self.database)?;
        self.check(code)
    }

    fn check(&mut self, code: i32) -> Result<()> {
        if code == OK {
            return Ok(());
        }
        let message: u32 = self.call("sqlite3_errmsg", self.database)?;
        Err(Error::msg(format!("error {code}: {}", self.text(message)?)))
    }

    fn call<P: WasmParams, R: WasmResults>(&mut self, name: &str, params: P) -> Result<R> {
        let func: TypedFunc<P, R> =
            self.program.instance().get_typed_func(&mut self.store, self.map.export(name))?;
        func.call(&mut self.store, params)
    }

    /// A copy of the text in the guest's heap.
    fn string(&mut self, text: &str) -> Result<u32> {
        let bytes = [text.as_bytes(), b"\0"].concat();
        let at: u32 = self.call("malloc", bytes.len() as u32)?;
        self.memory.write(&mut self.store, at as usize, &bytes)?;
        Ok(at)
    }

    fn word(&self, at: u32) -> Result<u32> {
        let mut bytes = [0; 4];
        self.memory.read(&self.store, at as usize, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn text(&self, at: u32) -> Result<String> {
        let bytes = self.memory.data(&self.store).get(at as usize..).context("a wild pointer")?;
        let len = bytes.iter().position(|byte| *byte == 0).context("a text without end")?;
        Ok(String::from_utf8_lossy(&bytes[..len]).into_owned())
    }
}
