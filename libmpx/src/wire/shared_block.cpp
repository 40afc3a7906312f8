#include "wire/shared_block.hpp"

#include <cstring>

#include "wire/pool.hpp"

namespace mpx::detail {

Bytes SharedBlock::staged_records() const {
  const auto last = staged.load(std::memory_order_acquire);
  if (last.values < sizeof(PoolRecord) || last.values > kStagingBytes) return {};
  PoolRecord record;
  std::memcpy(&record, staging + last.values - sizeof record, sizeof record);
  record.count = last.count;
  const auto copies = record.failed() ? 1 : record.count;
  if (copies == 0 || record.size > (kStagingBytes - last.values) / copies) return {};
  Bytes records(last.values + record.size * copies);
  std::memcpy(records.data(), staging, records.size());
  std::memcpy(records.data() + last.values - sizeof record, &record, sizeof record);
  return records;
}

}  // namespace mpx::detail
