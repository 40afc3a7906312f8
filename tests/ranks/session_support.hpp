#pragma once

namespace mpx_session_test {

/// Whether main has called mpx::prepare().
extern bool prepared;

}  // namespace mpx_session_test
