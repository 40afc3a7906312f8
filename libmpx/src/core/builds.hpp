#pragma once

#include <string>

namespace mpx::detail {

/// The build of this process, as text: id and path of the program, then of each module it has
/// loaded, one a line.
std::string describe_build();

/// Path of the first module of build `one` of which `other` has another build; empty if there is
/// none. Libraries correspond by their file names, the programs in any case.
///
/// One that only one of the two has loaded does not count: Open MPI keeps other plug-ins where a
/// node has one rank than where it has two. A call into one that is missing fails by itself.
std::string different_module(const std::string& one, const std::string& other);

}  // namespace mpx::detail
