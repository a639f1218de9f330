//! Describes a validated module as a [`ModuleInfo`], one function for each section.
//!
//! Nothing here checks what the validator has checked; only what [`ModuleInfo`] cannot express is an error.
//!
//! Spec: Binary Format > Modules.

use super::types::Types;
use super::{byte_offset, byte_range, const_expr, types, unsupported};
use crate::branch_hints::branch_hints;
use crate::error::CompileError;
use crate::names;
use palisade_environ::{
    ConstExpr, ConstOp, CustomSection, DataMode, DataSegment, ElemItems, ElemMode, ElemSegment,
    EntityIndex, Export, FuncIndex, GlobalIndex, Import, MemoryIndex, ModuleBytes, ModuleInfo,
    RefType, SharedBytes, TableIndex, TagIndex, TagType, TypeIndex, TypeRegistry, VmOffsets,
};
use std::ops::Range;
use std::sync::Arc;
use wasmparser::{
    CustomSectionReader, DataKind, DataSectionReader, ElementItems, ElementKind,
    ElementSectionReader, ExportSectionReader, ExternalKind, FromReader, FunctionSectionReader,
    GlobalSectionReader, ImportSectionReader, MemorySectionReader, Payload, SectionLimited,
    TableInit, TableSectionReader, TypeRef, TypeSectionReader,
};

/// Describes the module `bytes`, whose parts are `payloads`.
pub(super) fn module_info<'a>(
    bytes: &'a ModuleBytes,
    registry: &Arc<TypeRegistry>,
    payloads: impl IntoIterator<Item = Result<Payload<'a>, CompileError>>,
) -> Result<ModuleInfo, CompileError> {
    let mut sections = Sections { bytes, registry, info: ModuleInfo::default() };
    payloads.into_iter().try_for_each(|payload| sections.add(payload?))?;
    let mut info = sections.info;
    info.offsets = VmOffsets::new(&info);
    Ok(info)
}

/// What is known after some of the sections.
struct Sections<'a> {
    bytes: &'a ModuleBytes,
    registry: &'a Arc<TypeRegistry>,
    info: ModuleInfo,
}

impl Sections<'_> {
    fn add(&mut self, payload: Payload<'_>) -> Result<(), CompileError> {
        match payload {
            Payload::TypeSection(section) => self.add_types(section)?,
            Payload::ImportSection(section) => self.add_imports(section)?,
            Payload::FunctionSection(section) => self.add_functions(section),
            Payload::TableSection(section) => self.add_tables(section)?,
            Payload::MemorySection(section) => self.add_memories(section),
            Payload::GlobalSection(section) => self.add_globals(section)?,
            Payload::ExportSection(section) => self.add_exports(section)?,
            Payload::StartSection { func, .. } => self.add_start(func),
            Payload::ElementSection(section) => self.add_elements(section)?,
            Payload::DataSection(section) => self.add_data(section)?,
            Payload::CustomSection(section) => self.add_custom(section),
            Payload::CodeSectionEntry(body) => {
                self.info.bodies.push(byte_range(&body.range()));
            }
            Payload::CodeSectionStart { unchecked_range, .. } => {
                self.info.code_section = byte_offset(unchecked_range.start);
            }
            Payload::Version { .. } | Payload::DataCountSection { .. } | Payload::End(_) => {}
            Payload::TagSection(section) => {
                for (_, tag) in items(section) {
                    let ty = self.info.types[TypeIndex::from_u32(tag.func_type_idx)].clone();
                    self.info.tags.push(TagType::new(ty));
                }
            }
            _ => unreachable!("validated: a module has no other sections"),
        }
        Ok(())
    }

    fn add_types(&mut self, section: TypeSectionReader<'_>) -> Result<(), CompileError> {
        for (_, group) in items(section) {
            let known = Types { types: &self.info.types, group_start: self.info.types.len() };
            let group = group
                .into_types_and_offsets()
                .map(|(offset, ty)| types::sub_type(&ty, known, offset))
                .collect::<Result<Vec<_>, _>>()?;
            // An empty group defines nothing.
            if !group.is_empty() {
                self.info.types.extend(self.registry.register(group));
            }
        }
        Ok(())
    }

    fn add_imports(&mut self, section: ImportSectionReader<'_>) -> Result<(), CompileError> {
        for import in section.into_imports_with_offsets() {
            let (offset, import) = import.expect(READ_BEFORE);
            let item = self.add_import(import.ty, offset)?;
            let (module, name) = (import.module.to_owned(), import.name.to_owned());
            self.info.imports.push(Import { module, name, item });
        }
        Ok(())
    }

    fn add_import(&mut self, ty: TypeRef, offset: u64) -> Result<EntityIndex, CompileError> {
        let info = &mut self.info;
        Ok(match ty {
            TypeRef::Func(ty) => {
                info.imported_funcs += 1;
                EntityIndex::Func(info.funcs.push(TypeIndex::from_u32(ty)))
            }
            TypeRef::Table(ty) => {
                info.imported_tables += 1;
                let ty = types::table_type(&ty, Types::all(&info.types), offset)?;
                EntityIndex::Table(info.tables.push(ty))
            }
            TypeRef::Memory(ty) => {
                info.imported_memories += 1;
                EntityIndex::Memory(info.memories.push(types::memory_type(&ty)))
            }
            TypeRef::Global(ty) => {
                info.imported_globals += 1;
                let ty = types::global_type(&ty, Types::all(&info.types), offset)?;
                EntityIndex::Global(info.globals.push(ty))
            }
            TypeRef::Tag(tag) => {
                info.imported_tags += 1;
                let ty = info.types[TypeIndex::from_u32(tag.func_type_idx)].clone();
                EntityIndex::Tag(info.tags.push(TagType::new(ty)))
            }
            TypeRef::FuncExact(_) => return Err(unsupported(types::CUSTOM_DESCRIPTORS, offset)),
        })
    }

    fn add_functions(&mut self, section: FunctionSectionReader<'_>) {
        self.info.funcs.extend(items(section).map(|(_, ty)| TypeIndex::from_u32(ty)));
    }

    fn add_tables(&mut self, section: TableSectionReader<'_>) -> Result<(), CompileError> {
        for (offset, table) in items(section) {
            let ty = types::table_type(&table.ty, Types::all(&self.info.types), offset)?;
            self.info.tables.push(ty);
            let init = match table.init {
                TableInit::RefNull => None,
                TableInit::Expr(expr) => Some(self.const_expr(&expr)?),
            };
            self.info.table_inits.push(init);
        }
        Ok(())
    }

    fn add_memories(&mut self, section: MemorySectionReader<'_>) {
        self.info.memories.extend(items(section).map(|(_, ty)| types::memory_type(&ty)));
    }

    fn add_globals(&mut self, section: GlobalSectionReader<'_>) -> Result<(), CompileError> {
        for (offset, global) in items(section) {
            let ty = types::global_type(&global.ty, Types::all(&self.info.types), offset)?;
            self.info.globals.push(ty);
            let init = self.const_expr(&global.init_expr)?;
            self.info.global_inits.push(init);
        }
        Ok(())
    }

    fn add_exports(&mut self, section: ExportSectionReader<'_>) -> Result<(), CompileError> {
        for (offset, export) in items(section) {
            let item = match export.kind {
                ExternalKind::Func => EntityIndex::Func(self.escape(export.index)),
                ExternalKind::Table => EntityIndex::Table(TableIndex::from_u32(export.index)),
                ExternalKind::Memory => EntityIndex::Memory(MemoryIndex::from_u32(export.index)),
                ExternalKind::Global => EntityIndex::Global(GlobalIndex::from_u32(export.index)),
                ExternalKind::Tag => EntityIndex::Tag(TagIndex::from_u32(export.index)),
                ExternalKind::FuncExact => {
                    return Err(unsupported(types::CUSTOM_DESCRIPTORS, offset));
                }
            };
            let name = export.name.to_owned();
            self.info.export_names.insert(name.clone(), self.info.exports.len());
            self.info.exports.push(Export { name, item });
        }
        Ok(())
    }

    fn add_start(&mut self, func: u32) {
        self.info.start = Some(self.escape(func));
    }

    fn add_elements(&mut self, section: ElementSectionReader<'_>) -> Result<(), CompileError> {
        for (offset, segment) in items(section) {
            let mode = self.elem_mode(segment.kind)?;
            let (ty, items) = self.elem_items(segment.items, offset)?;
            self.info.elems.push(ElemSegment { ty, mode, items });
        }
        Ok(())
    }

    fn elem_mode(&mut self, kind: ElementKind<'_>) -> Result<ElemMode, CompileError> {
        Ok(match kind {
            ElementKind::Passive => ElemMode::Passive,
            ElementKind::Declared => ElemMode::Declarative,
            ElementKind::Active { table_index, offset_expr } => ElemMode::Active {
                table: TableIndex::from_u32(table_index.unwrap_or(0)),
                offset: self.const_expr(&offset_expr)?,
            },
        })
    }

    fn elem_items(
        &mut self,
        elements: ElementItems<'_>,
        offset: u64,
    ) -> Result<(RefType, ElemItems), CompileError> {
        Ok(match elements {
            ElementItems::Functions(funcs) => {
                let funcs = items(funcs).map(|(_, func)| self.escape(func)).collect();
                (RefType::FUNCREF, ElemItems::Funcs(funcs))
            }
            ElementItems::Expressions(ty, exprs) => {
                let ty = types::ref_type(ty, Types::all(&self.info.types), offset)?;
                let exprs = items(exprs).map(|(_, expr)| self.const_expr(&expr));
                (ty, ElemItems::Exprs(exprs.collect::<Result<_, _>>()?))
            }
        })
    }

    fn add_data(&mut self, section: DataSectionReader<'_>) -> Result<(), CompileError> {
        for (_, segment) in items(section) {
            let mode = match segment.kind {
                DataKind::Passive => DataMode::Passive,
                DataKind::Active { memory_index, offset_expr } => DataMode::Active {
                    memory: MemoryIndex::from_u32(memory_index),
                    offset: self.const_expr(&offset_expr)?,
                },
            };
            // The bytes are the last part of a segment.
            let end = byte_offset(segment.range.end);
            let bytes = end - segment.data.len()..end;
            self.info.data.push(DataSegment { mode, bytes });
        }
        Ok(())
    }

    fn add_custom(&mut self, section: CustomSectionReader<'_>) {
        let range = byte_range(&section.data_range());
        let offset = range.start;
        if section.name() == "name" && self.info.name.is_none() {
            self.info.name = names::module_name(section.data(), offset);
        }
        if section.name() == "metadata.code.branch_hint" {
            self.info.branch_hints = branch_hints(section.data(), offset);
        }
        let (name, bytes) = (section.name().to_owned(), self.shared(range));
        self.info.custom_sections.push(CustomSection { name, bytes, offset });
    }

    /// Reads a constant expression; the functions that it refers to escape.
    fn const_expr(&mut self, expr: &wasmparser::ConstExpr<'_>) -> Result<ConstExpr, CompileError> {
        let expr = const_expr::const_expr(expr)?;
        for op in &expr.0 {
            if let ConstOp::RefFunc(func) = op {
                self.escape(func.as_u32());
            }
        }
        Ok(expr)
    }

    /// Notes that a function can be referred to. References to imported functions are their exporter's.
    fn escape(&mut self, func: u32) -> FuncIndex {
        let func = FuncIndex::from_u32(func);
        if self.info.defined_func(func).is_some() && self.info.escaped_index[func].is_none() {
            self.info.escaped_index[func] = self.info.escaped_funcs.push(func).into();
        }
        func
    }

    fn shared(&self, range: Range<usize>) -> SharedBytes {
        SharedBytes::new(self.bytes.clone(), range)
    }
}

/// Why reading cannot fail here.
const READ_BEFORE: &str = "validated: the validator has read the same bytes";

/// The items of a section and where they begin in the module.
fn items<'a, T: FromReader<'a>>(section: SectionLimited<'a, T>) -> impl Iterator<Item = (u64, T)> {
    section.into_iter_with_offsets().map(|item| item.expect(READ_BEFORE))
}
