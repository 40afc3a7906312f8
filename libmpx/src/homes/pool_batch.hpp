#pragma once

#include <list>
#include <unordered_map>
#include <vector>

#include "homes/home.hpp"
#include "wire/pool.hpp"

namespace mpx::detail {

/// Elements of a batch in a row: [first, end).
struct PoolUnits {
  std::uint64_t first, end;
};

/// One submission to a pool, as its home keeps it: the elements, and which of them have finished.
class PoolBatch {
 public:
  /// Takes the payload of a pool_submit. Throws CodecError.
  PoolBatch(std::uint64_t number, const FrameHeader& request, Payload payload);

  [[nodiscard]] std::uint64_t number() const { return number_; }  ///< this home's
  [[nodiscard]] ProcessId submitter() const { return request_.from; }
  [[nodiscard]] const PoolSubmission& head() const { return head_; }
  [[nodiscard]] std::uint64_t size() const { return head_.count; }
  /// Elements that have not finished.
  [[nodiscard]] std::uint64_t left() const { return left_; }
  [[nodiscard]] std::uint64_t mean_bytes() const { return elements().size() / head_.count; }

  /// What is sent to a process: the elements [first, end), whose handles are held once more.
  [[nodiscard]] Payload tasks(std::uint64_t first, std::uint64_t end, Outbox& out) const;

  /// Books `count` elements from `first` on as finished; false if they had finished before.
  bool finish(std::uint64_t first, std::uint64_t count);
  [[nodiscard]] bool finished(std::uint64_t index) const { return done_[index]; }

  /// Books all unfinished elements of [first, end) as failed and tells the submitter.
  void fail(std::uint64_t first, std::uint64_t end, const Bytes& error, const ObjectId& pool,
            Outbox& out);
  /// Sends records to the submitter.
  void pass_on(Payload records, const ObjectId& pool, Outbox& out) const;
  /// Counts a death of a process in the element; returns how many there have been.
  std::uint64_t died(std::uint64_t index) { return ++deaths_[index]; }
  /// The batch is over: gives its handles back.
  void drop(Outbox& out) { out.drop(payload_); }

 private:
  friend class PoolPending;
  [[nodiscard]] ByteView elements() const {
    return payload_.large.view().subspan(sizeof(PoolSubmission));
  }
  void index_elements();

  std::uint64_t number_;
  FrameHeader request_;
  Payload payload_;  // all bytes in its large part, of which parts go out
  PoolSubmission head_;
  // Of elements with heads: where each begins, and the last ends.
  std::vector<std::uint64_t> begins_;
  std::vector<std::uint64_t> first_handle_;  // as begins_; empty where no element has any
  std::vector<bool> done_;
  std::uint64_t left_;
  std::unordered_map<std::uint64_t, std::uint64_t> deaths_;  // by element
  // PoolPending's: what no process has, the next last, and if there is any, its place in the order.
  std::vector<PoolUnits> pending_;
  std::list<PoolBatch*>::iterator place_;
};

}  // namespace mpx::detail
