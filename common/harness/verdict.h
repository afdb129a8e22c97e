// The channel on which a test program reports its results to ./workbook check.
//
// The program runs a student's code, so its own report cannot be trusted: the code could write a results
// file, or end the program early. Therefore the command opens an anonymous file, writes a secret into it and
// names it in WB_VERDICT_FD. Before any other code of the program runs, initializers included, verdict.cpp
// removes the secret from the file and the variable from the environment. After the last test, the report is
// written into that file, after the secret. The command accepts no other report. (This prevents simple
// tricks. Code in the same process could search its memory for the secret.)
#pragma once

#include <string>

namespace wb::detail {

/// True when ./workbook check started this program.
bool verdict_is_asked();

/// Makes GoogleTest run every test, or `only` this one (Suite.Test), once: flags and variables that steer it
/// may have been set by an initializer of the code under test. After testing::InitGoogleTest. `part` "2/3":
/// of these tests the second, the fifth, the eighth and so on. Throws wb::Error when it is no such part.
void run_every_test(const std::string& only, const std::string& part = "");

/// Hands the report over; call it after the last test. Throws wb::Error when it cannot be written.
void send_verdict(const std::string& report);

}  // namespace wb::detail
