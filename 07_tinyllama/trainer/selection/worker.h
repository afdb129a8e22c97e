// The measuring process: a program that has implementations starts itself again as one.
#pragma once

namespace wb {

/// Whether this program was started to work for its parent. Ask it first thing in main(), before the device
/// is used:   if (wb::is_worker(argc, argv)) return wb::worker_main();
bool is_worker(int argc, const char* const* argv);
/// Whether main() has asked: then this program, started again, can work.
bool has_worker();

/// Answers the parent's tasks until it hangs up. Returns the program's exit code.
int worker_main();

}  // namespace wb
