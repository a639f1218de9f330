//! Engine-wide identity of function types.
//!
//! A registry knows each type once: two types are equal exactly when their ids are. Types come in recursion groups, whose
//! members may refer to each other; groups are equal when they are written the same, with members named by their place
//! in the group and everything else by its identity. An id lives as long as anyone holds the type.
//!
//! Invariant: ownership has no cycles. A definition holds the types outside of its group that it refers to, and names
//! those inside by place only ([`HeapType::Rec`]).
//!
//! Spec: Validation > Conventions > Recursive Types, Appendix > Type closures and rolling.

use crate::{HeapType, RefType, Signature, ValType};
use std::any::Any;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak};

/// The function types of one engine.
#[derive(Debug, Default)]
pub struct TypeRegistry {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    groups: HashMap<Arc<[SubType]>, (u32, Weak<RecGroup>)>,
    /// Ids that were given back.
    free: Vec<u32>,
    /// The highest id in use; 0 means null in table entries and is never given out.
    last: u32,
}

/// One definition of a recursion group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SubType {
    /// Whether no other type may name it as its supertype.
    pub is_final: bool,
    /// The type that it declares to be a subtype of.
    pub supertype: Option<HeapType>,
    /// Parameters and results, with members of the group as [`HeapType::Rec`].
    pub signature: Signature,
}

/// Types that were defined together.
#[derive(Debug)]
struct RecGroup {
    registry: Arc<TypeRegistry>,
    key: Arc<[SubType]>,
    entries: Box<[TypeEntry]>,
}

/// What is known of one type.
pub struct TypeEntry {
    id: u32,
    place: u32,
    key: Arc<[SubType]>,
    group: Weak<RecGroup>,
    /// Ids of all proper supertypes, the most general first.
    supertypes: Box<[u32]>,
    extension: OnceLock<Box<dyn Any + Send + Sync>>,
}

/// The type of a function: its parameters and results.
#[derive(Clone)]
pub struct FuncType {
    group: Arc<RecGroup>,
    place: u32,
}

/// Who has a type registry: an engine.
pub trait TypeSource {
    /// The registry.
    fn type_registry(&self) -> &Arc<TypeRegistry>;
}

impl TypeSource for Arc<TypeRegistry> {
    fn type_registry(&self) -> &Arc<TypeRegistry> {
        self
    }
}

impl TypeRegistry {
    /// The types of a recursion group, in order. They are made if the group is new.
    ///
    /// Supertypes must be valid: not final, matched by what they are supertypes of, and declared before.
    pub fn register(self: &Arc<Self>, group: Vec<SubType>) -> Vec<FuncType> {
        let key: Arc<[SubType]> = group.into();
        let mut state = self.lock();
        let known = state.groups.get(&key).and_then(|(_, group)| group.upgrade());
        let group = known.unwrap_or_else(|| {
            let group = RecGroup::new(self, &key, &mut state);
            state.groups.insert(key.clone(), (group.entries[0].id, Arc::downgrade(&group)));
            group
        });
        drop(state);
        (0..key.len() as u32).map(|place| FuncType { group: group.clone(), place }).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl State {
    fn new_id(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.last = self.last.checked_add(1).expect("fewer than 2^32 function types");
            self.last
        })
    }
}

impl RecGroup {
    fn new(registry: &Arc<TypeRegistry>, key: &Arc<[SubType]>, state: &mut State) -> Arc<RecGroup> {
        Arc::new_cyclic(|group| {
            let mut entries: Vec<TypeEntry> = Vec::with_capacity(key.len());
            for (place, ty) in key.iter().enumerate() {
                let supertypes = match &ty.supertype {
                    None => Vec::new(),
                    Some(HeapType::Rec(place)) => entries[*place as usize].line(),
                    Some(HeapType::ConcreteFunc(outer)) => outer.entry().line(),
                    Some(other) => unreachable!("a supertype is defined: {other}"),
                };
                entries.push(TypeEntry {
                    id: state.new_id(),
                    place: place as u32,
                    key: key.clone(),
                    group: group.clone(),
                    supertypes: supertypes.into(),
                    extension: OnceLock::new(),
                });
            }
            RecGroup { registry: registry.clone(), key: key.clone(), entries: entries.into() }
        })
    }
}

/// What a group holds of other types.
type Contents = (Arc<[SubType]>, Box<[TypeEntry]>);

thread_local! {
    /// What dropped groups have let go of, while a group is being dropped on this thread.
    static RELEASED: RefCell<Option<Vec<Contents>>> = const { RefCell::new(None) };
}

impl Drop for RecGroup {
    fn drop(&mut self) {
        let mut state = self.registry.lock();
        // The same group may have been registered anew, under other ids, while this one was on its way out.
        let first = self.entries[0].id;
        let known = state.groups.get(&self.key).is_some_and(|(id, _)| *id == first);
        let key = if known { state.groups.remove_entry(&self.key) } else { None };
        state.free.extend(self.entries.iter().map(|entry| entry.id));
        drop(state);
        drop(key);
        // Types may refer to each other in a chain of any length, so they are not dropped by recursion.
        let key = std::mem::replace(&mut self.key, Arc::new([]));
        let contents = (key, std::mem::take(&mut self.entries));
        let outermost = RELEASED.with_borrow_mut(|released| {
            let outermost = released.is_none();
            released.get_or_insert_default().push(contents);
            outermost
        });
        if outermost {
            let next = || RELEASED.with_borrow_mut(|released| released.as_mut()?.pop());
            while let Some(contents) = next() {
                drop(contents);
            }
            RELEASED.set(None);
        }
    }
}

impl TypeEntry {
    /// The id that table entries and references hold; never 0.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The type itself. Someone must hold it.
    pub fn func_type(&self) -> FuncType {
        let group = self.group.upgrade().expect("someone holds the type");
        FuncType { group, place: self.place }
    }

    /// Its definition, in which members of its own group are [`HeapType::Rec`]. Enough to know how values are passed.
    pub fn signature(&self) -> &Signature {
        &self.key[self.place as usize].signature
    }

    /// A type in the definition as it is named outside of the group.
    pub fn resolve<'a>(&self, ty: &'a ValType) -> Cow<'a, ValType> {
        match ty {
            ValType::Ref(ty) if matches!(ty.heap_type(), HeapType::Rec(_)) => {
                Cow::Owned(self.func_type().resolve(&ValType::Ref(ty.clone())))
            }
            ty => Cow::Borrowed(ty),
        }
    }

    /// What the runtime keeps with the type; made when first asked for. There is one such thing for a type.
    ///
    /// # Panics
    ///
    /// If it was asked for as another type before.
    pub fn extension<T: Any + Send + Sync + Default>(&self) -> &T {
        let extension = self.extension.get_or_init(|| Box::new(T::default()));
        extension.downcast_ref().expect("one kind of extension")
    }

    /// Whether functions of this type can stand where the type with the id `other` is expected.
    pub fn is_subtype_of(&self, other: u32) -> bool {
        self.id == other || self.supertypes.contains(&other)
    }

    /// Its supertypes and itself, the most general first.
    fn line(&self) -> Vec<u32> {
        self.supertypes.iter().copied().chain([self.id]).collect()
    }
}

impl fmt::Debug for TypeEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypeEntry").field("id", &self.id).finish_non_exhaustive()
    }
}

impl FuncType {
    /// The type of functions from `params` to `results`. It is final.
    pub fn new(
        engine: &impl TypeSource,
        params: impl IntoIterator<Item = ValType>,
        results: impl IntoIterator<Item = ValType>,
    ) -> FuncType {
        let signature = Signature {
            params: params.into_iter().collect(),
            results: results.into_iter().collect(),
        };
        let ty = SubType { is_final: true, supertype: None, signature };
        engine.type_registry().register(vec![ty]).remove(0)
    }

    /// What the registry knows of it.
    #[doc(hidden)]
    pub fn entry(&self) -> &TypeEntry {
        &self.group.entries[self.place as usize]
    }

    /// Its definition, in which members of its own group are [`HeapType::Rec`]. Enough to know how values are passed.
    #[doc(hidden)]
    pub fn signature(&self) -> &Signature {
        self.entry().signature()
    }

    fn definition(&self) -> &SubType {
        &self.group.key[self.place as usize]
    }

    /// Its parameters in order.
    pub fn params(&self) -> impl ExactSizeIterator<Item = ValType> + '_ {
        self.signature().params.iter().map(|ty| self.resolve(ty))
    }

    /// Its results in order.
    pub fn results(&self) -> impl ExactSizeIterator<Item = ValType> + '_ {
        self.signature().results.iter().map(|ty| self.resolve(ty))
    }

    /// The parameter at `index`.
    pub fn param(&self, index: usize) -> Option<ValType> {
        self.signature().params.get(index).map(|ty| self.resolve(ty))
    }

    /// The result at `index`.
    pub fn result(&self, index: usize) -> Option<ValType> {
        self.signature().results.get(index).map(|ty| self.resolve(ty))
    }

    /// Whether it is a type of this engine.
    pub fn is_of(&self, engine: &impl TypeSource) -> bool {
        Arc::ptr_eq(&self.group.registry, engine.type_registry())
    }

    /// Whether no other type can be a subtype of this one.
    pub fn is_final(&self) -> bool {
        self.definition().is_final
    }

    /// The type that this one declares to be a subtype of.
    pub fn supertype(&self) -> Option<FuncType> {
        match self.definition().supertype.as_ref()? {
            HeapType::Rec(place) => Some(FuncType { group: self.group.clone(), place: *place }),
            HeapType::ConcreteFunc(ty) => Some(ty.clone()),
            _ => None,
        }
    }

    /// Whether functions of this type can stand where `other` is expected.
    pub fn matches(&self, other: &FuncType) -> bool {
        self.same_registry(other) && self.entry().is_subtype_of(other.entry().id)
    }

    fn same_registry(&self, other: &FuncType) -> bool {
        Arc::ptr_eq(&self.group.registry, &other.group.registry)
    }

    /// A type in the definition as it is named outside of this type's group.
    pub fn resolve(&self, ty: &ValType) -> ValType {
        match ty {
            ValType::Ref(ty) => match ty.heap_type() {
                HeapType::Rec(place) => {
                    let member = FuncType { group: self.group.clone(), place: *place };
                    RefType::new(ty.is_nullable(), HeapType::ConcreteFunc(member)).into()
                }
                _ => ty.clone().into(),
            },
            ty => ty.clone(),
        }
    }
}

/// Types of different engines are never equal.
impl PartialEq for FuncType {
    fn eq(&self, other: &FuncType) -> bool {
        self.same_registry(other) && self.entry().id == other.entry().id
    }
}

impl Eq for FuncType {}

impl Hash for FuncType {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.entry().id.hash(state);
    }
}

impl fmt::Debug for FuncType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FuncType({self})")
    }
}

impl fmt::Display for FuncType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.signature().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sub_type(params: impl IntoIterator<Item = HeapType>) -> SubType {
        let param = |heap| ValType::Ref(RefType::new(true, heap));
        let params = params.into_iter().map(param).collect();
        let signature = Signature { params, results: Box::new([]) };
        SubType { is_final: true, supertype: None, signature }
    }

    #[test]
    fn equal_types_have_equal_ids_while_held() {
        let registry = Arc::<TypeRegistry>::default();
        let a = FuncType::new(&registry, [ValType::I32], []);
        let b = FuncType::new(&registry, [ValType::I32], []);
        let c = FuncType::new(&registry, [ValType::I64], []);
        assert_eq!(a, b);
        assert_ne!(a, c);
        let id = c.entry().id();
        drop(c);
        assert_eq!(FuncType::new(&registry, [], []).entry().id(), id);
        assert_eq!(registry.lock().groups.len(), 1);
    }

    #[test]
    fn recursive_types_are_told_by_their_group() {
        let registry = Arc::<TypeRegistry>::default();
        let alone = registry.register(vec![sub_type([HeapType::Rec(0)])]);
        let again = registry.register(vec![sub_type([HeapType::Rec(0)])]);
        let pair =
            registry.register(vec![sub_type([HeapType::Rec(0)]), sub_type([HeapType::Rec(1)])]);
        assert_eq!(alone, again);
        assert_ne!(alone[0], pair[0]);
        assert_ne!(pair[0], pair[1]);
        let own = RefType::new(true, HeapType::ConcreteFunc(pair[1].clone()));
        assert_eq!(pair[1].param(0), Some(ValType::Ref(own)));
    }

    #[test]
    fn supertypes_are_transitive() {
        let registry = Arc::<TypeRegistry>::default();
        let open = |supertype| SubType { is_final: false, supertype, ..sub_type([]) };
        let base = registry.register(vec![open(None)]).remove(0);
        let of_base = Some(HeapType::ConcreteFunc(base.clone()));
        let rest = registry.register(vec![open(of_base), open(Some(HeapType::Rec(0)))]);
        assert!(rest[1].matches(&base) && rest[1].matches(&rest[0]) && rest[0].matches(&base));
        assert!(!base.matches(&rest[0]) && !rest[0].matches(&rest[1]));
        assert_eq!(rest[1].supertype(), Some(rest[0].clone()));
    }

    #[test]
    fn a_long_chain_of_types_drops() {
        let registry = Arc::<TypeRegistry>::default();
        let mut last = FuncType::new(&registry, [], []);
        for _ in 0..200_000 {
            last = registry.register(vec![sub_type([HeapType::ConcreteFunc(last)])]).remove(0);
        }
        drop(last);
        assert!(registry.lock().groups.is_empty());
    }
}
