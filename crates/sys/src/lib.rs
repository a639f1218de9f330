//! What Palisade needs of the operating system and the CPU.
//!
//! Address space and pages, copy-on-write images, memory for code, fault signals, thread stacks, and the few
//! instructions that leave compiled code. Knows nothing of WebAssembly: it calls upward through one fault callback.
//! Everything that depends on the CPU or on the host's page size is here.

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
compile_error!("Palisade runs on Linux on x86-64 and aarch64");

mod code_memory;
pub mod enter;
mod image;
mod interrupt;
mod landing;
pub mod lazy;
mod mapping;
mod pagemap;
mod reservation;
mod routines;
mod signals;
mod stack;
mod vector;

pub use code_memory::CodeMemory;
pub use image::MemoryImage;
pub use interrupt::{install_interrupt_handler, interrupt_threads};
pub use landing::{Landing, Raise, resume};
pub use mapping::FileMapping;
pub use reservation::Reservation;
pub use routines::{memmove, memset};
pub use signals::{Fault, FaultCallback, install_fault_handler};
pub use stack::{
    StackBounds, for_each_stack_word, frame_address, prepare_thread, thread_stack_low,
};
pub use vector::Vector;

/// Bytes in a page of the host.
pub fn page_size() -> usize {
    region::page::size()
}

/// `bytes` rounded up to whole host pages, or `None` on overflow.
pub fn round_up_to_page(bytes: usize) -> Option<usize> {
    bytes.checked_next_multiple_of(page_size())
}
