//! A program without std that reads every kind of document: it links only if the crate needs no more than an allocator.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::alloc::{GlobalAlloc, Layout};
use core::{
    cell::UnsafeCell,
    ffi::{c_char, c_int},
    panic::PanicInfo,
    sync::atomic::{AtomicUsize, Ordering},
};

use signet_verify::{
    bundle::Bundle,
    keys::{KeyRing, Root},
    read,
    request::Request,
};

#[link(name = "c")]
unsafe extern "C" {}

const BYTES: usize = 1 << 20;

/// Hands out one block of memory from its beginning to its end and takes nothing back.
struct Bump {
    memory: UnsafeCell<[u8; BYTES]>,
    used: AtomicUsize,
}

// SAFETY: every byte is handed out once, because the counter only grows.
unsafe impl Sync for Bump {}

// SAFETY: blocks do not overlap, lie within the memory, and are aligned from its own address on.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let base = self.memory.get() as usize;
        let room = layout.size() + layout.align();
        let start = self.used.fetch_add(room, Ordering::Relaxed);
        if start + room > BYTES {
            return core::ptr::null_mut();
        }
        let aligned = (base + start).next_multiple_of(layout.align());
        aligned as *mut u8
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static HEAP: Bump = Bump { memory: UnsafeCell::new([0; BYTES]), used: AtomicUsize::new(0) };

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

/// What the delivered `alloc` was built to call while unwinding, which this program never does.
#[unsafe(no_mangle)]
pub extern "C" fn rust_eh_personality() {}

/// As [`rust_eh_personality`].
#[unsafe(no_mangle)]
pub extern "C" fn _Unwind_Resume() {}

/// Exit code 0 when everything was refused as it should be.
#[unsafe(no_mangle)]
pub extern "C" fn main(_: c_int, _: *const *const c_char) -> c_int {
    let Ok(root) = Root::from_x("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo") else { return 1 };
    let keys = KeyRing::default();
    let refused = KeyRing::from_list("", &root, "atlas", None).is_err()
        && read::read_code("a.b.c", &keys, "atlas").is_err()
        && read::read_lease("a.b.c", &keys, "atlas").is_err()
        && read::read_license_file("a.b.c", &keys, "atlas").is_err()
        && read::read_revocations("a.b.c", &keys, "atlas").is_err()
        && Bundle::parse("{}").is_err()
        && Request::parse("01 7").is_err();
    c_int::from(!refused)
}
