#include "mpx/detail/condition_core.hpp"

#include "endpoint/client.hpp"

namespace mpx::detail {

const ObjectId& ConditionCore::name() {
  once_.run([this] {
    if (name_.empty()) name_ = lock_->client().placement().new_object(lock_->id().home);
  });
  return name_;
}

void ConditionCore::save(Writer& writer) {
  lock_->save(writer);
  writer.number(std::uint8_t{recursive_});
  save_id(writer, name());
}

std::shared_ptr<ConditionCore> ConditionCore::load(Reader& reader) {
  auto lock = SyncCore::load(reader);
  const bool recursive = reader.number<std::uint8_t>() != 0;
  auto core = std::make_shared<ConditionCore>(std::move(lock), recursive);
  core->name_ = load_id(reader);
  return core;
}

bool ConditionCore::lock(Deadline deadline) {
  return recursive_ ? lock_->lock_recursive(deadline) : lock_->lock(deadline);
}

void ConditionCore::unlock() { recursive_ ? lock_->unlock_recursive() : lock_->unlock(); }

}  // namespace mpx::detail
