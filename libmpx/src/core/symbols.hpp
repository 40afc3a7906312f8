#pragma once

#include <span>
#include <string>

namespace mpx::detail {

/// Return addresses of a stack as text, one "#n function(args)+0x1f (module)" a line.
///
/// Functions that a program does not export are found too, as long as it is not stripped.
/// Thread safety: all threads.
/// Cost:          a pass over a module's symbol table for addresses not seen before; those seen are
///                remembered.
std::string symbolise(std::span<void* const> addresses);

/// The readable form of a mangled name, or the name itself.
std::string demangle(const char* name);

}  // namespace mpx::detail
