//! The functions of the host by name.
//!
//! Each row says what types the function may be imported with (see `signature.rs`) and what it
//! does. Functions that call the guest back, or are called so often that it pays to give them
//! Rust types, are in `link.rs`.

pub(crate) mod clock;
pub(crate) mod descriptor;
pub(crate) mod directory;
mod embedded;
pub(crate) mod environment;
pub(crate) mod file;
pub(crate) mod io;
mod log;
pub(crate) mod memory;
pub(crate) mod poll;
pub(crate) mod process;
mod strftime;
mod strptime;
pub(crate) mod terminal;
mod uuid;
pub(crate) mod zone;

use palisade::Result;

use crate::ctx::Call;
use crate::errno::Errno;
use crate::signature::Value;
use crate::threads::{self, calls};
use crate::timers;

/// A function of the host, by how it fails.
#[derive(Clone, Copy)]
pub(crate) enum Body {
    /// Ends the guest's call.
    Plain(fn(&mut Call<'_>) -> Result<Value>),
    /// Gives an error number.
    Wasi(fn(&mut Call<'_>) -> Result<(), Errno>),
    /// Gives a negative error number.
    System(fn(&mut Call<'_>) -> Result<i32, Errno>),
}

impl Body {
    pub(crate) fn call(self, call: &mut Call<'_>) -> Result<Value> {
        match self {
            Body::Plain(body) => body(call),
            Body::Wasi(body) => Ok(Value::I32(match body(call) {
                Ok(()) => 0,
                Err(errno) => i32::from(errno.code()),
            })),
            Body::System(body) => Ok(Value::I32(match body(call) {
                Ok(result) => result,
                Err(errno) => -i32::from(errno.code()),
            })),
        }
    }
}

/// Whether a function is imported as `name`: `__sys_open` was `__syscall_open` in 2020.
fn same(known: &str, name: &str) -> bool {
    let older = name.strip_prefix("__sys_");
    known == name || older.is_some() && known.strip_prefix("__syscall_") == older
}

/// The function of this name, and the pattern of its types.
pub(crate) fn find(name: &str) -> Option<(&'static str, Body)> {
    let row = TABLE.iter().find(|(known, ..)| same(known, name))?;
    Some((row.1, row.2))
}

/// All names and patterns.
#[cfg(test)]
pub(crate) fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLE.iter().map(|(name, pattern, _)| (*name, *pattern))
}

use Body::{Plain, System, Wasi};

#[rustfmt::skip] // A table: one function, one line.
const TABLE: &[(&str, &str, Body)] = &[
    // Descriptors, WASI.
    ("fd_read", "iiii:i", Wasi(io::fd_read)),
    ("fd_pread", "iiiji:i", Wasi(io::fd_pread)),
    ("fd_pwrite", "iiiji:i", Wasi(io::fd_pwrite)),
    ("fd_seek", "ijii:i", Wasi(io::fd_seek)),
    ("fd_close", "i:i", Wasi(io::fd_close)),
    ("fd_sync", "i:i", Wasi(io::fd_sync)),
    ("fd_fdstat_get", "ii:i", Wasi(io::fd_fdstat_get)),

    // Environment, arguments, randomness.
    ("environ_sizes_get", "ii:i", Wasi(environment::environ_sizes_get)),
    ("environ_get", "ii:i", Wasi(environment::environ_get)),
    ("args_sizes_get", "ii:i", Wasi(environment::args_sizes_get)),
    ("args_get", "ii:i", Wasi(environment::args_get)),
    ("random_get", "ii:i", Wasi(environment::random_get)),
    ("getentropy", "ii:i", Wasi(environment::random_get)),
    ("emscripten_get_module_name", "ii:i", Plain(environment::module_name)),
    ("_emscripten_get_progname", "ii:v", Plain(environment::module_name)),

    // Time.
    ("clock_time_get", "iji:i", Wasi(clock::clock_time_get)),
    ("clock_res_get", "ii:i", Wasi(clock::clock_res_get)),
    ("clock_gettime", "ii:i", Plain(clock::clock_gettime)),
    ("__clock_gettime", "ii:i", Plain(clock::clock_gettime)),
    ("clock_getres", "ii:i", Plain(clock::clock_getres)),
    ("gettimeofday", "ii:i|i:i", Plain(clock::gettimeofday)),
    ("time", "i:i|i:j", Plain(clock::time)),
    ("clock", ":i", Plain(clock::clock)),
    ("timespec_get", "ii:i", Plain(clock::timespec_get)),
    ("ftime", "i:i", Plain(clock::ftime)),
    ("difftime", "ii:d|jj:d", Plain(clock::difftime)),
    ("dysize", "i:i", Plain(zone::dysize)),
    ("__asctime_r", "ii:i", Plain(zone::asctime)),
    ("strptime", "iii:i", Plain(strptime::strptime)),
    ("strptime_l", "iiii:i", Plain(strptime::strptime)),
    ("emscripten_get_now", ":d", Plain(clock::get_now)),
    ("emscripten_performance_now", ":d", Plain(clock::get_now)),
    ("emscripten_date_now", ":d", Plain(clock::date_now)),
    ("_emscripten_date_now", ":d", Plain(clock::date_now)),
    ("emscripten_get_now_res", ":d", Plain(clock::now_resolution)),
    ("emscripten_get_now_is_monotonic", ":i", Plain(clock::is_monotonic)),
    ("_emscripten_get_now_is_monotonic", ":i", Plain(clock::is_monotonic)),
    ("_gmtime_js", "ii:v|ji:?", Plain(zone::gmtime)),
    ("_localtime_js", "ii:v|ji:?", Plain(zone::localtime)),
    ("_mktime_js", "i:j", Plain(zone::mktime)),
    ("_timegm_js", "i:j", Plain(zone::timegm)),
    ("_tzset_js", "iiii:v", Plain(zone::tzset)),
    ("strftime", "iiii:i", Plain(strftime::strftime)),
    ("strftime_l", "iiiii:i", Plain(strftime::strftime)),

    // Files by path.
    ("__syscall_open", "iii:i", System(file::open)),
    ("__syscall_openat", "iiii:i", System(file::openat)),
    ("__syscall_stat64", "ii:i", System(file::stat)),
    ("__syscall_lstat64", "ii:i", System(file::lstat)),
    ("__syscall_fstat64", "ii:i", System(file::fstat)),
    ("__syscall_fstatat64", "iiii:i", System(file::fstatat)),
    ("__syscall_newfstatat", "iiii:i", System(file::fstatat)),
    ("__syscall_access", "ii:i", System(file::access)),
    ("__syscall_faccessat", "iiii:i|iii:i", System(file::faccessat)),
    ("__syscall_unlink", "i:i", System(file::unlink)),
    ("__syscall_unlinkat", "iii:i", System(file::unlinkat)),
    ("__syscall_rmdir", "i:i", System(file::rmdir)),
    ("__syscall_mkdir", "ii:i", System(file::mkdir)),
    ("__syscall_mkdirat", "iii:i", System(file::mkdirat)),
    ("__syscall_mknod", "iii:i", System(file::mknod)),
    ("__syscall_mknodat", "iiii:i", System(file::mknodat)),
    ("__syscall_rename", "ii:i", System(file::rename)),
    ("__syscall_renameat", "iiii:i", System(file::renameat)),
    ("__syscall_link", "ii:i", System(file::link)),
    ("__syscall_linkat", "iiiii:i", System(file::linkat)),
    ("__syscall_symlink", "ii:i", System(file::symlink)),
    ("__syscall_symlinkat", "iii:i", System(file::symlinkat)),
    ("__syscall_readlink", "iii:i", System(file::readlink)),
    ("__syscall_readlinkat", "iiii:i", System(file::readlinkat)),
    ("__syscall_chmod", "ii:i", System(file::chmod)),
    ("__syscall_fchmod", "ii:i", System(file::fchmod)),
    ("__syscall_fchmodat", "iiii:i|iii:i", System(file::fchmodat)),
    ("__syscall_fchmodat2", "iiii:i", System(file::fchmodat)),
    ("__syscall_chown32", "iii:i", System(file::chown)),
    ("__syscall_lchown32", "iii:i", System(file::chown)),
    ("__syscall_fchown32", "iii:i", System(file::fchown)),
    ("__syscall_fchownat", "iiiii:i", System(file::fchownat)),
    ("__syscall_utimensat", "iiii:i", System(file::utimensat)),
    ("__syscall_truncate64", "ij:i", System(file::truncate)),
    ("__syscall_ftruncate64", "ij:i", System(file::ftruncate)),
    ("__syscall_fallocate", "iijj:i", System(file::fallocate)),
    ("__syscall_fadvise64", "ijji:i", System(file::nothing)),
    ("__syscall_fadvise64_64", "ijji:i|iiii:i", System(file::nothing)),
    ("__syscall_statfs64", "iii:i", System(file::statfs)),
    ("__syscall_fstatfs64", "iii:i", System(file::fstatfs)),
    ("__syscall_fdatasync", "i:i", System(file::fdatasync)),
    ("__syscall_umask", "i:i", System(file::umask)),

    ("_emscripten_fs_load_embedded_files", "i:v", Plain(embedded::load)),

    // Directories.
    ("__syscall_getdents64", "iii:i", System(directory::getdents)),
    ("__syscall_getcwd", "ii:i", System(directory::getcwd)),
    ("__syscall_chdir", "i:i", System(directory::chdir)),
    ("__syscall_fchdir", "i:i", System(directory::fchdir)),

    // Descriptors.
    ("__syscall_dup", "i:i", System(descriptor::dup)),
    ("__syscall_dup2", "ii:i", System(descriptor::dup2)),
    ("__syscall_dup3", "iii:i", System(descriptor::dup3)),
    ("__syscall_fcntl64", "iii:i", System(descriptor::fcntl)),
    ("__syscall_pipe", "i:i", System(descriptor::pipe)),
    ("__syscall_pipe2", "ii:i", System(descriptor::pipe2)),
    ("__syscall_ioctl", "iii:i", System(terminal::ioctl)),

    // Memory.
    ("emscripten_get_heap_max", ":i", Plain(memory::heap_max)),
    ("emscripten_get_heap_size", ":i", Plain(memory::heap_size)),
    ("emscripten_notify_memory_growth", "i:v", Plain(process::nothing)),
    ("_msync_js", "iiii:i|iiiiij:i", System(memory::msync)),
    ("_munmap_js", "iiiiij:i|iiiiii:i", System(memory::munmap)),

    // The process.
    ("abort", ":v", Plain(process::abort)),
    ("_abort_js", ":v", Plain(process::abort)),
    ("__assert_fail", "iiii:v", Plain(process::assert_fail)),
    ("__handle_stack_overflow", "i:v", Plain(process::stack_overflow)),
    ("segfault", ":v", Plain(process::segfault)),
    ("alignfault", ":v", Plain(process::alignfault)),
    ("proc_exit", "i:v", Plain(process::proc_exit)),
    ("_exit", "i:v", Plain(process::proc_exit)),
    ("system", "i:i", Plain(process::system)),
    ("_emscripten_system", "i:i", Plain(process::system)),
    ("getloadavg", "ii:i", Plain(process::getloadavg)),
    ("emscripten_num_logical_cores", ":i", Plain(calls::cores)),
    ("_emscripten_num_logical_cores", ":i", Plain(calls::cores)),
    ("sched_yield", ":i", Plain(process::zero)),
    ("__map_file", "ii:i", Plain(process::minus_one)),
    ("llvm_eh_typeid_for", "i:i", Plain(process::identity)),
    ("emscripten_has_asyncify", ":i", Plain(process::has_asyncify)),
    // Of programs that are not linked dynamically: what calls these is in the C library.
    ("_dlinit", "i:v", Plain(process::nothing)),
    ("_dlopen_js", "i:i", Plain(process::dlopen)),
    ("_dlsym_js", "ii:i|iii:i", Plain(process::dlopen)),
    ("_dlsym_catchup_js", "ii:i", Plain(process::dlopen)),
    ("_emscripten_dlopen_js", "iiii:v|iii:v", Plain(process::dlopen)),
    ("_emscripten_out", "i:v", Plain(process::out)),
    ("_emscripten_err", "i:v", Plain(process::err)),
    ("emscripten_outn", "ii:v", Plain(process::outn)),
    ("emscripten_errn", "ii:v", Plain(process::errn)),
    ("emscripten_out", "i:v", Plain(process::out)),
    ("emscripten_err", "i:v", Plain(process::err)),
    ("emscripten_console_log", "i:v", Plain(process::out)),
    ("emscripten_console_warn", "i:v", Plain(process::err)),
    ("emscripten_console_error", "i:v", Plain(process::err)),

    // The event loop.
    ("emscripten_async_call", "iii:v", Plain(timers::async_call)),
    ("emscripten_set_timeout", "idi:i", Plain(timers::set_timeout)),
    ("emscripten_set_interval", "idi:i", Plain(timers::set_interval)),
    ("emscripten_set_timeout_loop", "idi:?", Plain(timers::set_timeout_loop)),
    ("emscripten_set_immediate", "ii:i", Plain(timers::set_immediate)),
    ("emscripten_set_immediate_loop", "ii:?", Plain(timers::set_immediate_loop)),
    ("emscripten_request_animation_frame", "ii:i", Plain(timers::request_frame)),
    ("emscripten_request_animation_frame_loop", "ii:?", Plain(timers::request_frames)),
    ("emscripten_clear_timeout", "i:v", Plain(timers::clear)),
    ("emscripten_clear_interval", "i:v", Plain(timers::clear)),
    ("emscripten_clear_immediate", "i:v", Plain(timers::clear)),
    ("emscripten_cancel_animation_frame", "i:v", Plain(timers::clear)),
    ("emscripten_set_main_loop", "iii:v", Plain(timers::set_main_loop)),
    ("emscripten_set_main_loop_arg", "iiii:v", Plain(timers::set_main_loop_arg)),
    ("emscripten_cancel_main_loop", ":v", Plain(timers::cancel_main_loop)),
    ("emscripten_pause_main_loop", ":v", Plain(timers::pause_main_loop)),
    ("emscripten_resume_main_loop", ":v", Plain(timers::resume_main_loop)),
    ("emscripten_set_main_loop_timing", "ii:i", Plain(timers::set_timing)),
    ("emscripten_get_main_loop_timing", "ii:v", Plain(timers::timing)),
    ("emscripten_set_main_loop_expected_blockers", "i:v", Plain(process::nothing)),
    ("alarm", "i:i", Plain(timers::alarm)),
    ("_setitimer_js", "id:i", Plain(timers::set_interval_timer)),
    ("emscripten_runtime_keepalive_push", ":v", Plain(timers::push_alive)),
    ("emscripten_runtime_keepalive_pop", ":v", Plain(timers::pop_alive)),
    ("emscripten_runtime_keepalive_check", ":i", Plain(timers::is_kept_alive)),
    ("_emscripten_runtime_keepalive_clear", ":v", Plain(timers::clear_alive)),

    // Threads; more of them are in `threads/calls.rs`.
    ("emscripten_check_blocking_allowed", ":v", Plain(process::nothing)),
    ("emscripten_has_threading_support", ":i", Plain(process::one)),
    ("emscripten_is_main_browser_thread", ":i", Plain(process::one)),
    ("_emscripten_default_pthread_stack_size", ":i", Plain(calls::default_stack)),
    ("_emscripten_notify_thread_queue", "ii:i", Plain(calls::notify_calls)),
    ("_emscripten_notify_proxying_queue", "iiii:i", Plain(calls::notify_queue)),
    ("_emscripten_notify_task_queue", "iiii:?", Plain(calls::notify_queue)),
    ("_emscripten_notify_mailbox_postmessage", "ii:?|iii:?", Plain(calls::notify_mail)),
    ("_emscripten_thread_mailbox_await", "i:v", Plain(process::nothing)),
    ("_emscripten_thread_set_strongref", "i:v", Plain(process::nothing)),
    ("emscripten_receive_on_main_thread_js", "iii:d|iiii:d|iiiii:d", Plain(calls::javascript)),
    ("_emscripten_receive_on_main_thread_js", "iii:d|iiii:d|iiiii:d", Plain(calls::javascript)),
    ("pthread_kill", "ii:i", Plain(calls::kill)),
    ("__pthread_kill_js", "ii:i", Plain(calls::kill)),
    ("emscripten_unwind_to_js_event_loop", ":v", Plain(threads::unwind)),
    ("emscripten_exit_with_live_runtime", ":v", Plain(timers::stay_alive)),

    // Messages, and chance.
    ("emscripten_log", "iii:v", Plain(log::log)),
    ("emscripten_log_js", "ii:v", Plain(log::log_text)),
    ("_emscripten_log_formatted", "ii:v", Plain(log::log_text)),
    ("emscripten_get_callstack", "iii:i", Plain(log::callstack)),
    ("_emscripten_get_callstack_js", "iii:i", Plain(log::callstack)),
    ("emscripten_throw_number", "d:v", Plain(log::throw_number)),
    ("emscripten_throw_string", "i:v", Plain(log::throw_string)),
    ("emscripten_debugger", ":v", Plain(process::nothing)),
    ("emscripten_random", ":f", Plain(uuid::random)),
    ("emscripten_math_random", ":d", Plain(uuid::math_random)),
    ("_Unwind_Backtrace", "ii:i", Plain(process::zero)),
    ("_Unwind_FindEnclosingFunction", "i:i", Plain(process::zero)),
    ("_Unwind_DeleteException", "i:v", Plain(process::nothing)),

    // libuuid.
    ("uuid_clear", "i:v", Plain(uuid::clear)),
    ("uuid_compare", "ii:i", Plain(uuid::compare)),
    ("uuid_copy", "ii:v", Plain(uuid::copy)),
    ("uuid_generate", "i:v", Plain(uuid::generate)),
    ("uuid_is_null", "i:i", Plain(uuid::is_null)),
    ("uuid_parse", "ii:i", Plain(uuid::parse)),
    ("uuid_unparse", "ii:v", Plain(uuid::unparse)),
    ("uuid_unparse_lower", "ii:v", Plain(uuid::unparse)),
    ("uuid_unparse_upper", "ii:v", Plain(uuid::unparse_upper)),
    ("uuid_type", "i:i", Plain(uuid::kind)),
    ("uuid_variant", "i:i", Plain(uuid::variant)),

    // What sanitizers ask of JavaScript's stack: nothing is known.
    ("emscripten_return_address", "i:i", Plain(process::zero)),
    ("emscripten_stack_snapshot", ":i", Plain(process::zero)),
    ("emscripten_stack_unwind_buffer", "iii:i", Plain(process::zero)),
    ("emscripten_pc_get_function", "i:i", Plain(process::zero)),
    ("emscripten_pc_get_file", "i:i", Plain(process::zero)),
    ("emscripten_pc_get_line", "i:i", Plain(process::zero)),
    ("emscripten_pc_get_column", "i:i", Plain(process::zero)),

    // Users and limits: there is one user, who owns everything.
    ("__syscall_getuid32", ":i", System(process::root)),
    ("__syscall_geteuid32", ":i", System(process::root)),
    ("__syscall_getgid32", ":i", System(process::root)),
    ("__syscall_getegid32", ":i", System(process::root)),
    ("__syscall_getpid", ":i", System(process::pid)),
    ("__syscall_getppid", ":i", System(process::pid)),

    // There is no network.
    ("__syscall_socket", "iii:i|iiiiii:i", System(process::no_sockets)),
    ("__syscall_connect", "iii:i|iiiiii:i", System(process::not_a_socket)),
    ("__syscall_bind", "iii:i|iiiiii:i", System(process::not_a_socket)),
    ("__syscall_listen", "ii:i|iiiiii:i", System(process::not_a_socket)),
    ("__syscall_accept4", "iiii:i|iiiiii:i", System(process::not_a_socket)),
    ("__syscall_getsockname", "iii:i|iiiiii:i", System(process::not_a_socket)),
    ("__syscall_getpeername", "iii:i|iiiiii:i", System(process::not_a_socket)),
    ("__syscall_getsockopt", "iiiii:i|iiiiii:i", System(process::not_a_socket)),
    ("__syscall_setsockopt", "iiiii:i|iiiiii:i", System(process::not_a_socket)),
    ("__syscall_sendto", "iiiiii:i", System(process::not_a_socket)),
    ("__syscall_recvfrom", "iiiiii:i", System(process::not_a_socket)),
    ("__syscall_sendmsg", "iii:i|iiiiii:i", System(process::not_a_socket)),
    ("__syscall_recvmsg", "iii:i|iiiiii:i", System(process::not_a_socket)),
    ("__syscall_shutdown", "ii:i|iiiiii:i", System(process::not_a_socket)),
];

#[cfg(test)]
mod tests {
    use super::TABLE;

    #[test]
    fn names_are_there_once_and_patterns_can_be_read() {
        for (i, (name, pattern, _)) in TABLE.iter().enumerate() {
            assert!(TABLE[i + 1..].iter().all(|(other, ..)| other != name), "{name}");
            for pattern in pattern.split('|') {
                let (params, result) = pattern.split_once(':').expect(name);
                assert!(params.chars().all(|letter| "ijd".contains(letter)), "{name}");
                assert!(["v", "?", "i", "j", "f", "d"].contains(&result), "{name}");
            }
        }
    }
}
