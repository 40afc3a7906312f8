#pragma once

#include <functional>

namespace mpx::detail {

/// Ends this process with `status`: a child by std::exit, rank 0 in good order.
[[noreturn]] void end_process(int status);

/// What end_process() does before std::exit; set by mpx::run on rank 0.
void set_end_hook(std::function<void(int status)> hook);

}  // namespace mpx::detail
