// What a process may write into the ring to its rank: any bytes, in pieces of any size.
#include "core/frame_stream.hpp"
#include "core/pack.hpp"
#include "fuzz/input.hpp"
#include "mpx/error.hpp"

using namespace mpx::detail;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static auto& ends = *new auto([] {
    auto [worker, fds] = Channel::create(4096, 64);
    return std::pair(std::move(worker), Channel(Channel::Side::child, std::move(fds)));
  }());
  auto& [worker, process] = ends;
  while (!worker.peek().empty()) worker.consume(worker.peek().size());  // of an input before
  FrameReader reader;
  mpx::fuzz::Input input(data, size);
  try {
    while (!input.empty()) {
      const auto piece = std::as_bytes(input.bytes(1 + input.byte()));
      process.write_some(piece);
      reader.pump(worker, [](Frame&& frame) {
        static_cast<void>(listed_references(frame));
        static_cast<void>(take_payload(std::move(frame)));
      });
    }
  } catch (const mpx::Error&) {  // the process is killed for it
  }
  return 0;
}
