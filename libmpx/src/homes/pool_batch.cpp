#include "homes/pool_batch.hpp"

#include <algorithm>
#include <limits>

#include "core/claims.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {

PoolBatch::PoolBatch(std::uint64_t number, const FrameHeader& request, Payload payload)
    : number_(number),
      request_(request),
      payload_{{}, std::move(payload.handles), {}, Large(std::move(payload.bytes))},
      head_(Unpacker(payload_.large.view()).get<PoolSubmission>()),
      left_(head_.count) {
  const auto room = elements().size();
  const auto least = head_.each == 0 ? sizeof(ElementHead) : head_.each;
  if (head_.count > room / least || (head_.each != 0 && head_.count * head_.each != room))
    throw CodecError("a submission to a pool holds an impossible count");
  if (head_.each == 0) index_elements();
  done_.assign(head_.count, false);
}

void PoolBatch::index_elements() {
  Unpacker in(elements());
  const bool handles = !payload_.handles.empty();
  begins_.reserve(head_.count + 1);
  begins_.push_back(0);
  if (handles) first_handle_.push_back(0);
  for (std::uint64_t i = 0; i < head_.count; ++i) {
    const auto head = in.get<ElementHead>();
    static_cast<void>(in.view(head.size));
    begins_.push_back(begins_.back() + sizeof head + head.size);
    if (handles)
      first_handle_.push_back(
          std::min<std::uint64_t>(first_handle_.back() + head.handles, payload_.handles.size()));
  }
}

Payload PoolBatch::tasks(std::uint64_t first, std::uint64_t end, Outbox& out) const {
  const auto begin = head_.each != 0 ? first * head_.each : begins_[first];
  const auto stop = head_.each != 0 ? end * head_.each : begins_[end];
  const ClaimStamp stamp{0, 0, 0, static_cast<std::uint32_t>(end - first)};
  const PoolTasks tasks{number_, head_.function, first, head_.depth, head_.each, head_.single};
  Packer body;
  const bool large = stop - begin >= kLargeBytes;  // then they are not copied
  body.reserve(sizeof stamp + sizeof tasks + (large ? 0 : stop - begin) +
               (first_handle_.empty() ? 0 : (first_handle_[end] - first_handle_[first])) *
                   sizeof(Reference));
  body.put(stamp);
  body.put(tasks);
  if (!large) body.put_raw(elements().data() + begin, stop - begin);
  Payload payload{std::move(body).take(), {}};
  if (large) {
    payload.large = payload_.large;
    payload.large.offset += sizeof(PoolSubmission) + begin;
    payload.large.size = stop - begin;
  }
  if (first_handle_.empty()) return payload;
  for (auto h = first_handle_[first]; h < first_handle_[end]; ++h) {
    payload.handles.push_back(payload_.handles[h]);
  }
  // The submission's own references stay, for another try.
  return out.counted(request_.object.home, std::move(payload));
}

// A process sends its last records twice at most, and as they were: the first element tells.
bool PoolBatch::finish(std::uint64_t first, std::uint64_t count) {
  if (first >= head_.count || count > head_.count - first || done_[first]) return false;
  for (auto at = first; at < first + count; ++at) done_[at] = true;
  left_ -= count;
  return true;
}

void PoolBatch::fail(std::uint64_t first, std::uint64_t end, const Bytes& error,
                     const ObjectId& pool, Outbox& out) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  Packer body;
  while (first < end) {
    auto stop = first;
    while (stop < end && stop - first < kMost && !done_[stop]) ++stop;
    if (finish(first, stop - first)) {
      PoolRecord record{number_, first, error.size(), static_cast<std::uint32_t>(stop - first)};
      record.status = static_cast<std::uint32_t>(Status::error);
      body.put(record);
      body.put_raw(error.data(), error.size());
    }
    first = std::max(stop, first + 1);
  }
  auto records = std::move(body).take();
  if (!records.empty()) pass_on({std::move(records), {}}, pool, out);
}

void PoolBatch::pass_on(Payload records, const ObjectId& pool, Outbox& out) const {
  auto header = to_process(Kind::pool_results, request_.from, pool);
  header.call = head_.batch;
  out.send(make_frame(header, std::move(records)));
}

}  // namespace mpx::detail
