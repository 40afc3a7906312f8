// What a process may write into the ring to its rank: frames whose headers say anything, cut anywhere,
// in pieces of any size. Lengths are small, or none that can be right: memory for what is between them
// is asked for as its first byte comes.
#include <algorithm>
#include <cstring>
#include <vector>

#include "core/channel.hpp"
#include "core/frame_stream.hpp"
#include "core/pack.hpp"
#include "fuzz/input.hpp"
#include "mpx/error.hpp"

using namespace mpx::detail;

namespace {

std::uint64_t length(mpx::fuzz::Input& input) {
  switch (input.below(8)) {
    case 0:
      return std::uint64_t{input.byte()} << 8;
    case 1:
      return std::uint64_t{input.byte()} << 41 | input.byte();
    case 2:
      return ~std::uint64_t{input.byte()};
    default:
      return input.byte();
  }
}

/// The first frame that cannot be right ends the process, so nothing follows it.
std::vector<std::byte> stream(mpx::fuzz::Input& input) {
  constexpr std::uint64_t kLong = 1 << 20;
  std::vector<std::byte> bytes;
  while (!input.empty()) {
    FrameHeader header;
    const auto fields = std::as_bytes(input.bytes(sizeof header));
    std::memcpy(static_cast<void*>(&header), fields.data(), fields.size());
    header.length = length(input);
    header.large = input.below(4) == 0 ? length(input) : 0;
    const bool sound = header.length < kLong && header.large < kLong;
    const auto* const begin = reinterpret_cast<const std::byte*>(&header);
    bytes.insert(bytes.end(), begin, begin + sizeof header);
    if (!sound) break;
    const auto rest = header.length + header.large;
    const auto body = std::as_bytes(input.bytes(std::min<std::size_t>(input.byte(), rest)));
    bytes.insert(bytes.end(), body.begin(), body.end());
    bytes.resize(bytes.size() + rest - body.size());
  }
  if (!bytes.empty()) bytes.resize(bytes.size() - input.below(bytes.size()));
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static auto& ends = *new auto([] {
    auto [worker, fds] = Channel::create(4096, 64);
    return std::pair(std::move(worker), Channel(Channel::Side::child, std::move(fds)));
  }());
  auto& [worker, process] = ends;
  while (!worker.peek().empty()) worker.consume(worker.peek().size());  // of an input before
  FrameReader reader;
  mpx::fuzz::Input input(data, size);
  const std::size_t step = 1 + input.byte() * std::size_t{16};
  const auto bytes = stream(input);
  try {
    for (std::size_t at = 0; at < bytes.size();) {
      const auto piece = ByteView(bytes).subspan(at, std::min(step, bytes.size() - at));
      at += process.write_some(piece);
      reader.pump(worker, [](Frame&& frame) {
        static_cast<void>(listed_references(frame));
        static_cast<void>(take_payload(std::move(frame)));
      });
    }
  } catch (const mpx::Error&) {  // the process is killed for it
  }
  return 0;
}
