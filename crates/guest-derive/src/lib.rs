//! The derive macro of `palisade-guest`, which describes it: see `GuestRecord` there.
//!
//! It computes no offset itself. It emits constants, which the compiler computes from the sizes and
//! alignments of the fields' types, so that a record may hold any type that has them.

#![forbid(unsafe_code)]

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, Ident, Index, Member, Result, parse_macro_input};

/// Makes a struct a record of guests. `#[guest(packed)]` on it leaves out all padding, as C's
/// `__attribute__((packed))` does.
#[proc_macro_derive(GuestRecord, attributes(guest))]
pub fn guest_record(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    derive(&input).unwrap_or_else(Error::into_compile_error).into()
}

fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new(input.ident.span(), "only a struct can be a `GuestRecord`"));
    };
    if !input.generics.params.is_empty() {
        let message = "a `GuestRecord` has no generic parameters: its layout is one";
        return Err(Error::new(input.generics.span(), message));
    }
    if data.fields.is_empty() {
        return Err(Error::new(input.ident.span(), "a `GuestRecord` needs a field"));
    }
    let packed = is_packed(input)?;
    let record = &input.ident;
    let types: Vec<TokenStream> =
        data.fields.iter().map(|field| of_record(field.ty.to_token_stream(), record)).collect();
    let members: Vec<Member> = data
        .fields
        .iter()
        .enumerate()
        .map(|(place, field)| match &field.ident {
            Some(name) => Member::Named(name.clone()),
            None => Member::Unnamed(Index::from(place)),
        })
        .collect();
    let places: Vec<usize> = (0..members.len()).collect();
    let count = members.len();
    let layouts = types.iter().map(|ty| {
        // At the type, so that an error about a field points to it.
        quote_spanned! { ty.span() =>
            (
                <#ty as ::palisade_guest::GuestValue>::SIZE,
                <#ty as ::palisade_guest::GuestValue>::ALIGN,
            )
        }
    });
    let handles = handles(&data.fields, record);
    let values = members.iter().zip(&types).zip(&places).map(|((member, ty), place)| {
        quote! {
            #member: <#ty as ::palisade_guest::GuestValue>::load(&bytes[__GUEST_RECORD_LAYOUT.offsets[#place]..])
        }
    });
    Ok(quote! {
        const _: () = {
            const __GUEST_RECORD_LAYOUT: ::palisade_guest::RecordLayout<#count> =
                ::palisade_guest::RecordLayout::of([#(#layouts),*], #packed);

            #handles

            impl ::palisade_guest::GuestValue for #record {
                const SIZE: usize = __GUEST_RECORD_LAYOUT.size;
                const ALIGN: usize = __GUEST_RECORD_LAYOUT.align;

                fn load(bytes: &[u8]) -> Self {
                    Self { #(#values),* }
                }

                fn store(&self, bytes: &mut [u8]) {
                    #(::palisade_guest::GuestValue::store(
                        &self.#members,
                        &mut bytes[__GUEST_RECORD_LAYOUT.offsets[#places]..],
                    );)*
                }
            }

            impl ::palisade_guest::GuestRecord for #record {
                type Fields = __GuestRecordFields;
                const FIELDS: __GuestRecordFields = __GuestRecordFields {
                    #(#members: ::palisade_guest::Field::new(__GUEST_RECORD_LAYOUT.offsets[#places])),*
                };
                const END: usize = __GUEST_RECORD_LAYOUT.end;
            }
        };
    })
}

/// The struct `__GuestRecordFields`, which has a `Field` for each field of the record, under the same name.
fn handles(fields: &Fields, record: &Ident) -> TokenStream {
    let doc = format!("Where the fields of [`{record}`] are.");
    let handles = Ident::new("__GuestRecordFields", Span::call_site());
    let each = fields.iter().map(|field| {
        let (visibility, ty) = (&field.vis, of_record(field.ty.to_token_stream(), record));
        let name = field.ident.as_ref().map(|name| quote! { #name: });
        quote! {
            #[allow(missing_docs)]
            #visibility #name ::palisade_guest::Field<#record, #ty>
        }
    });
    let body = match fields {
        Fields::Named(_) => quote! { { #(#each),* } },
        _ => quote! { ( #(#each),* ); },
    };
    quote! {
        #[doc = #doc]
        #[derive(Clone, Copy)]
        #[allow(dead_code, non_snake_case, unreachable_pub)]
        pub struct #handles #body
    }
}

/// A field's type for use outside of the record, where `Self` would mean something else.
fn of_record(ty: TokenStream, record: &Ident) -> TokenStream {
    ty.into_iter()
        .map(|token| match token {
            TokenTree::Ident(ident) if ident == "Self" => {
                TokenTree::Ident(Ident::new(&record.to_string(), ident.span()))
            }
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), of_record(group.stream(), record));
                inner.set_span(group.span());
                TokenTree::Group(inner)
            }
            other => other,
        })
        .collect()
}

/// Whether `#[guest(packed)]` stands on the struct.
fn is_packed(input: &DeriveInput) -> Result<bool> {
    let mut packed = false;
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("guest")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("packed") {
                return Err(meta.error("expected `packed`"));
            }
            packed = true;
            Ok(())
        })?;
    }
    Ok(packed)
}
