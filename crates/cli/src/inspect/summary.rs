//! Reading a module into what the report shows.
//!
//! The bytes are not trusted: an index that leads nowhere is shown as such, sizes saturate, and reading stops at the
//! first error with what came before it intact.
//!
//! Spec: Binary Format > Modules; Appendix > Custom Sections.

use palisade::Error;
use std::collections::HashMap;
use std::ops::Range;
use wasmparser::{
    CustomSectionReader, Encoding, ExportSectionReader, ExternalKind, FuncType, GlobalType,
    ImportSectionReader, KnownCustom, MemoryType, Name, NameMap, NameSectionReader, Parser,
    Payload, ProducersSectionReader, SectionLimited, TableType, TypeRef, TypeSectionReader,
};

/// What was found in a module.
#[derive(Default)]
pub(super) struct Summary {
    pub(super) sections: Vec<Section>,
    pub(super) imports: Vec<Item>,
    pub(super) exports: Vec<Item>,
    pub(super) memories: Vec<Definition<MemoryType>>,
    pub(super) tables: Vec<Definition<TableType>>,
    pub(super) globals: Vec<Definition<GlobalType>>,
    /// The type indices of all functions, imported ones first.
    pub(super) functions: Vec<u32>,
    pub(super) imported_functions: usize,
    pub(super) start: Option<u32>,
    /// Size of each body.
    pub(super) bodies: Vec<u64>,
    pub(super) module_name: Option<String>,
    pub(super) function_names: HashMap<u32, String>,
    /// Kinds of other names, and how many.
    pub(super) name_counts: Vec<(&'static str, usize)>,
    /// Field, name and version.
    pub(super) producers: Vec<(String, String, String)>,
    types: Vec<Option<FuncType>>,
    tags: Vec<u32>,
}

/// One section and the size of its contents.
pub(super) struct Section {
    /// A word of the specification.
    pub(super) kind: &'static str,
    /// The name of a custom section.
    pub(super) name: Option<String>,
    pub(super) bytes: u64,
    pub(super) items: Option<u32>,
}

/// An import or export.
pub(super) struct Item {
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) ty: String,
}

/// A memory, table or global, and where it comes from if it is imported.
pub(super) struct Definition<T> {
    pub(super) ty: T,
    pub(super) import: Option<String>,
}

impl Summary {
    /// Reads `bytes`, which begin with the magic number.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<(), Error> {
        for payload in Parser::new(0).parse_all(bytes) {
            self.payload(payload?)?;
        }
        Ok(())
    }

    fn payload(&mut self, payload: Payload<'_>) -> Result<(), Error> {
        match payload {
            Payload::Version { encoding: Encoding::Component, .. } => {
                return Err(Error::msg("this is a component, not a module"));
            }
            Payload::TypeSection(reader) => self.types(reader)?,
            Payload::ImportSection(reader) => self.imports(reader)?,
            Payload::FunctionSection(reader) => {
                self.list("function", &reader);
                for ty in reader {
                    self.functions.push(ty?);
                }
            }
            Payload::TableSection(reader) => {
                self.list("table", &reader);
                for table in reader {
                    self.tables.push(Definition { ty: table?.ty, import: None });
                }
            }
            Payload::MemorySection(reader) => {
                self.list("memory", &reader);
                for ty in reader {
                    self.memories.push(Definition { ty: ty?, import: None });
                }
            }
            Payload::TagSection(reader) => {
                self.list("tag", &reader);
                for tag in reader {
                    self.tags.push(tag?.func_type_idx);
                }
            }
            Payload::GlobalSection(reader) => {
                self.list("global", &reader);
                for global in reader {
                    self.globals.push(Definition { ty: global?.ty, import: None });
                }
            }
            Payload::ExportSection(reader) => self.exports(reader)?,
            Payload::StartSection { func, range } => {
                self.section("start", len(&range), None);
                self.start = Some(func);
            }
            Payload::ElementSection(reader) => self.list("element", &reader),
            Payload::DataCountSection { range, .. } => {
                self.section("data count", len(&range), None);
            }
            Payload::CodeSectionStart { count, size, .. } => {
                self.section("code", size.into(), Some(count));
            }
            Payload::CodeSectionEntry(body) => self.bodies.push(len(&body.range())),
            Payload::DataSection(reader) => self.list("data", &reader),
            Payload::CustomSection(reader) => self.custom(&reader),
            Payload::UnknownSection { id, range, .. } => {
                self.section("unknown", len(&range), None);
                return Err(Error::msg(format!("unknown section id {id}")));
            }
            _ => {}
        }
        Ok(())
    }

    fn section(&mut self, kind: &'static str, bytes: u64, items: Option<u32>) {
        self.sections.push(Section { kind, name: None, bytes, items });
    }

    fn list<T>(&mut self, kind: &'static str, reader: &SectionLimited<'_, T>) {
        self.section(kind, len(&reader.range()), Some(reader.count()));
    }

    fn types(&mut self, reader: TypeSectionReader<'_>) -> Result<(), Error> {
        self.list("type", &reader);
        for group in reader {
            for ty in group?.into_types() {
                let func = match ty.composite_type.inner {
                    wasmparser::CompositeInnerType::Func(func) => Some(func),
                    _ => None,
                };
                self.types.push(func);
            }
        }
        Ok(())
    }

    fn imports(&mut self, reader: ImportSectionReader<'_>) -> Result<(), Error> {
        self.list("import", &reader);
        for import in reader.into_imports() {
            let import = import?;
            let name = format!("{}.{}", import.module, import.name);
            let (kind, ty) = self.import(&name, import.ty);
            self.imports.push(Item { kind, name, ty });
        }
        Ok(())
    }

    /// Adds an import to its index space; gives its kind and type as text.
    fn import(&mut self, name: &str, ty: TypeRef) -> (&'static str, String) {
        let import = Some(name.to_string());
        match ty {
            TypeRef::Func(ty) | TypeRef::FuncExact(ty) => {
                self.functions.push(ty);
                self.imported_functions += 1;
                ("func", self.signature(ty))
            }
            TypeRef::Table(ty) => {
                self.tables.push(Definition { ty, import });
                ("table", show_table(&ty))
            }
            TypeRef::Memory(ty) => {
                self.memories.push(Definition { ty, import });
                ("memory", show_memory(&ty))
            }
            TypeRef::Global(ty) => {
                self.globals.push(Definition { ty, import });
                ("global", show_global(&ty))
            }
            TypeRef::Tag(tag) => {
                self.tags.push(tag.func_type_idx);
                ("tag", self.signature(tag.func_type_idx))
            }
        }
    }

    fn exports(&mut self, reader: ExportSectionReader<'_>) -> Result<(), Error> {
        self.list("export", &reader);
        for export in reader {
            let export = export?;
            let index = export.index as usize;
            let (kind, ty) = match export.kind {
                ExternalKind::Func | ExternalKind::FuncExact => {
                    ("func", self.functions.get(index).map(|&ty| self.signature(ty)))
                }
                ExternalKind::Table => ("table", self.tables.get(index).map(|t| show_table(&t.ty))),
                ExternalKind::Memory => {
                    ("memory", self.memories.get(index).map(|m| show_memory(&m.ty)))
                }
                ExternalKind::Global => {
                    ("global", self.globals.get(index).map(|g| show_global(&g.ty)))
                }
                ExternalKind::Tag => ("tag", self.tags.get(index).map(|&ty| self.signature(ty))),
            };
            let ty = ty.unwrap_or_else(|| format!("(there is no {kind} {index})"));
            self.exports.push(Item { kind, name: export.name.to_string(), ty });
        }
        Ok(())
    }

    /// `(i32, i64) -> f32`, or what is wrong with the index.
    fn signature(&self, index: u32) -> String {
        match self.types.get(index as usize) {
            Some(Some(ty)) => show_signature(ty),
            Some(None) => format!("(type {index} is not a function)"),
            None => format!("(there is no type {index})"),
        }
    }

    /// Custom sections are advice: one that cannot be read is listed and otherwise ignored.
    fn custom(&mut self, reader: &CustomSectionReader<'_>) {
        self.sections.push(Section {
            kind: "custom",
            name: Some(reader.name().to_string()),
            bytes: len(&reader.range()),
            items: None,
        });
        let _ = match reader.as_known() {
            KnownCustom::Name(names) => self.names(names),
            KnownCustom::Producers(producers) => self.producers(producers),
            _ => Ok(()),
        };
    }

    fn names(&mut self, reader: NameSectionReader<'_>) -> wasmparser::Result<()> {
        for name in reader {
            let (kind, count) = match name? {
                Name::Module { name, .. } => {
                    self.module_name = Some(name.to_string());
                    continue;
                }
                Name::Function(names) => {
                    self.function_names(&names)?;
                    ("functions", names.count())
                }
                Name::Type(names) => ("types", names.count()),
                Name::Table(names) => ("tables", names.count()),
                Name::Memory(names) => ("memories", names.count()),
                Name::Global(names) => ("globals", names.count()),
                Name::Element(names) => ("element segments", names.count()),
                Name::Data(names) => ("data segments", names.count()),
                Name::Tag(names) => ("tags", names.count()),
                Name::Local(names) => ("functions with named locals", names.count()),
                Name::Label(names) => ("functions with named labels", names.count()),
                Name::Field(names) => ("types with named fields", names.count()),
                _ => continue,
            };
            self.name_counts.push((kind, count));
        }
        Ok(())
    }

    fn function_names(&mut self, names: &NameMap<'_>) -> wasmparser::Result<()> {
        for naming in names.clone() {
            let naming = naming?;
            self.function_names.insert(naming.index, naming.name.to_string());
        }
        Ok(())
    }

    fn producers(&mut self, reader: ProducersSectionReader<'_>) -> wasmparser::Result<()> {
        for field in reader {
            let field = field?;
            for value in field.values {
                let value = value?;
                let (name, version) = (value.name.to_string(), value.version.to_string());
                self.producers.push((field.name.to_string(), name, version));
            }
        }
        Ok(())
    }
}

fn len(range: &Range<u64>) -> u64 {
    range.end.saturating_sub(range.start)
}

fn show_signature(ty: &FuncType) -> String {
    let list = |types: &[wasmparser::ValType]| {
        types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    let params = list(ty.params());
    match ty.results() {
        [] => format!("({params})"),
        [result] => format!("({params}) -> {result}"),
        results => format!("({params}) -> ({})", list(results)),
    }
}

/// `1 page (65536 bytes), at most 2 pages (131072 bytes)`.
pub(super) fn show_memory(ty: &MemoryType) -> String {
    let log2 = ty.page_size_log2.unwrap_or(16);
    let pages = |count: u64| {
        let bytes = 1u128.checked_shl(log2).map(|size| size.saturating_mul(count.into()));
        let bytes = bytes.map_or_else(|| "?".into(), |bytes| bytes.to_string());
        format!("{count} page{} ({bytes} bytes)", if count == 1 { "" } else { "s" })
    };
    let mut text = pages(ty.initial);
    if let Some(maximum) = ty.maximum {
        text += &format!(", at most {}", pages(maximum));
    }
    if log2 != 16 {
        text += &format!(", page size 2^{log2}");
    }
    if ty.memory64 {
        text += ", 64-bit";
    }
    if ty.shared {
        text += ", shared";
    }
    text
}

/// `10 funcref, at most 20`.
pub(super) fn show_table(ty: &TableType) -> String {
    let mut text = format!("{} {}", ty.initial, ty.element_type);
    if let Some(maximum) = ty.maximum {
        text += &format!(", at most {maximum}");
    }
    if ty.table64 {
        text += ", 64-bit";
    }
    text
}

/// `i32`, `mut i32`.
pub(super) fn show_global(ty: &GlobalType) -> String {
    format!("{}{}", if ty.mutable { "mut " } else { "" }, ty.content_type)
}
