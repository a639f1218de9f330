;; Work that is mostly WASI calls. Descriptor 3 is a directory with the file `file` and the directory `many`; descriptor 4
;; is /dev.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_seek" (func $fd_seek (param i32 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_readdir"
    (func $fd_readdir (param i32 i32 i32 i64 i32) (result i32)))
  (memory (export "memory") 4)
  (data (i32.const 0x100) "file")
  (data (i32.const 0x110) "null")
  (data (i32.const 0x120) "many")

  (func $check (param $errno i32)
    (if (local.get $errno) (then (unreachable))))

  ;; Opens the four bytes at `name` to read, list, write, seek and tell.
  (func $open (param $dir i32) (param $name i32) (param $oflags i32) (param $rights i64) (result i32)
    (call $check (call $path_open (local.get $dir) (i32.const 1) (local.get $name) (i32.const 4)
      (local.get $oflags) (local.get $rights) (i64.const 0) (i32.const 0) (i32.const 0)))
    (i32.load (i32.const 0)))
  (func (export "open_file") (result i32)
    (call $open (i32.const 3) (i32.const 0x100) (i32.const 0) (i64.const 0x66)))
  (func (export "open_null") (result i32)
    (call $open (i32.const 4) (i32.const 0x110) (i32.const 0) (i64.const 0x42)))
  (func (export "open_many") (result i32)
    (call $open (i32.const 3) (i32.const 0x120) (i32.const 2) (i64.const 0x4000)))

  (func (export "open_close") (param $count i32) (result i64)
    (local $i i32)
    (loop $again
      (call $check (call $fd_close
        (call $open (i32.const 3) (i32.const 0x100) (i32.const 0) (i64.const 2))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (local.get $count))))
    (i64.extend_i32_u (local.get $i)))

  (func $rewind (param $fd i32)
    (call $check (call $fd_seek (local.get $fd) (i64.const 0) (i32.const 0) (i32.const 0))))

  ;; `count` times `chunk` bytes, from where the file is.
  (func (export "write") (param $fd i32) (param $chunk i32) (param $count i32) (result i64)
    (local $total i64) (local $i i32)
    (i32.store (i32.const 16) (i32.const 0x10000))
    (i32.store (i32.const 20) (local.get $chunk))
    (loop $again
      (call $check (call $fd_write (local.get $fd) (i32.const 16) (i32.const 1) (i32.const 8)))
      (local.set $total (i64.add (local.get $total) (i64.load32_u (i32.const 8))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (local.get $count))))
    (local.get $total))
  (func (export "rewind") (param $fd i32) (call $rewind (local.get $fd)))

  ;; From the start to the end, in parts of `chunk` bytes.
  (func (export "read") (param $fd i32) (param $chunk i32) (result i64)
    (local $total i64)
    (call $rewind (local.get $fd))
    (i32.store (i32.const 16) (i32.const 0x10000))
    (i32.store (i32.const 20) (local.get $chunk))
    (loop $again
      (call $check (call $fd_read (local.get $fd) (i32.const 16) (i32.const 1) (i32.const 8)))
      (local.set $total (i64.add (local.get $total) (i64.load32_u (i32.const 8))))
      (br_if $again (i32.load (i32.const 8))))
    (local.get $total))

  ;; Counts the entries of a directory, 4 KiB at a time, as C libraries do.
  (func (export "list") (param $fd i32) (result i64)
    (local $entries i64) (local $cookie i64) (local $at i32) (local $end i32) (local $next i32)
    (loop $more
      (call $check (call $fd_readdir
        (local.get $fd) (i32.const 0x10000) (i32.const 4096) (local.get $cookie) (i32.const 8)))
      (local.set $at (i32.const 0x10000))
      (local.set $end (i32.add (local.get $at) (i32.load (i32.const 8))))
      (block $cut
        (loop $entry
          (br_if $cut (i32.gt_u (i32.add (local.get $at) (i32.const 24)) (local.get $end)))
          (local.set $next
            (i32.add (i32.add (local.get $at) (i32.const 24)) (i32.load offset=16 (local.get $at))))
          (br_if $cut (i32.gt_u (local.get $next) (local.get $end)))
          (local.set $cookie (i64.load (local.get $at)))
          (local.set $entries (i64.add (local.get $entries) (i64.const 1)))
          (local.set $at (local.get $next))
          (br $entry)))
      (br_if $more (i32.eq (i32.load (i32.const 8)) (i32.const 4096))))
    (local.get $entries)))
