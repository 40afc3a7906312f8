#pragma once

#include <exception>

namespace mpx::detail {

class Client;

/// Prints an exception that nobody caught to stderr: type, message, and who and where this process
/// is.
void report_exception(const std::exception_ptr& exception, const Client& client) noexcept;

}  // namespace mpx::detail
