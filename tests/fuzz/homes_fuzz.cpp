// Requests of any kind that a process may send, with any body, in any order, to all homes of rank 0;
// and ends of processes in between.
#include <cstdlib>
#include <deque>
#include <vector>

#include "fuzz/input.hpp"
#include "homes/directory.hpp"
#include "homes/home_table.hpp"
#include "homes/name_table.hpp"
#include "homes/object_kinds.hpp"
#include "mpx/error.hpp"
#include "transport/memory_words.hpp"
#include "wire/kinds.hpp"
#include "wire/well_known.hpp"

using namespace mpx::detail;

namespace {

constexpr std::uint32_t kObjects = 6;

/// Every kind that is for a home and that processes send.
const std::vector<Kind>& kinds() {
  static const auto all = [] {
    std::vector<Kind> some;
    for (std::uint16_t number = 1; number < 0x100; ++number) {
      const auto kind = static_cast<Kind>(number);
      if (is_for_home(kind) && is_for_processes(kind)) some.push_back(kind);
    }
    return some;
  }();
  return all;
}

/// The homes of rank 0, with what they send to each other.
class Rank0 : public Outbox {
 public:
  Rank0() { homes_.add(kNameTable, std::make_unique<NameTable>()); }

  void send(Frame frame) override {
    if (is_for_home(frame.header.kind) && frame.header.object.home == 0)
      waiting_.push_back(std::move(frame));
  }
  void take(Frame frame) {
    send(std::move(frame));
    for (int most = 1000; !waiting_.empty() && most > 0; --most) {
      auto next = std::move(waiting_.front());
      waiting_.pop_front();
      try {
        homes_.on(std::move(next), *this);
      } catch (const std::exception&) {  // as the runtime does, which logs it
      }
    }
  }
  void end(ProcessId who) {
    ProcessFacts facts;
    facts.exit_code = 1;
    homes_.on_ended(who, facts, *this);
  }

 private:
  std::shared_ptr<MemoryWordSpace> space_ = std::make_shared<MemoryWordSpace>(1, 64);
  MemoryWords words_{space_, 0};
  std::deque<Frame> waiting_;
  HomeTable homes_{[this](const FrameHeader& request, const Payload& arguments, Outbox& out) {
    return make_home(request, arguments, {0, words_, directory_}, out);
  }};
  Directory* directory_ =
      &homes_.add(kDirectory, std::make_unique<Directory>(std::vector<Directory::RankSlots>{
                                  {"a", 2, 0, true}, {"b", 2, 0, true}}));
};

ProcessId process(mpx::fuzz::Input& input) {
  return {static_cast<int>(input.below(2)), input.below(4)};
}

ObjectId object(mpx::fuzz::Input& input) {
  const auto number = static_cast<std::uint32_t>(input.below(kObjects + 2));
  if (number == kObjects) return kDirectory;
  if (number == kObjects + 1) return kNameTable;
  return {0, number, ProcessId(0, 0)};
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  ::setenv("MPX_LOG", "off", 1);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mpx::fuzz::Input input(data, size);
  Rank0 rank;
  while (!input.empty()) {
    const auto number = input.below(kinds().size() + 1);
    const auto from = process(input);
    if (number == kinds().size()) {
      rank.end(from);
      continue;
    }
    FrameHeader header;
    header.kind = kinds()[number];
    header.from = from;
    header.object = object(input);
    header.status = input.byte();
    header.call = header.kind <= Kind::drop_flight && header.kind != Kind::create
                      ? process(input).value()
                      : input.byte();
    Payload payload;
    const auto body = std::as_bytes(input.bytes(input.byte()));
    if (header.kind == Kind::create) {
      const auto kind = static_cast<ObjectKind>(input.below(10));
      // A large Array is one that is there.
      if (kind == ObjectKind::array) {
        payload.bytes = Packer::pack(kind, std::uint64_t{input.byte()});
      } else {
        payload.bytes = Packer::pack(kind);
      }
    }
    payload.bytes.insert(payload.bytes.end(), body.begin(), body.end());
    for (auto count = input.below(3); count > 0; --count)
      payload.handles.push_back({object(input), process(input)});
    rank.take(make_frame(header, std::move(payload)));
  }
  return 0;
}
