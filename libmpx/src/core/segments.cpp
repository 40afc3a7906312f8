#include "core/segments.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>
#include <map>
#include <unordered_map>
#include <vector>

#include "core/forks.hpp"
#include "mpx/detail/mutex.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

constexpr std::size_t kKeptBytes = std::size_t{96} << 20;  // of segments not in use, at most
constexpr std::size_t kKept = 32;
constexpr std::size_t kMostSegments = 4096;           // with a descriptor
constexpr std::size_t kStep = std::size_t{16} << 20;  // reserved at once: signals interrupt it
constexpr std::size_t kSlack = std::size_t{1} << 20;

class NoSharedMemory : public std::bad_alloc {
 public:
  explicit NoSharedMemory(std::string text) : text_(std::move(text)) {}
  [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }

 private:
  std::string text_;
};

[[noreturn]] void throw_no_memory(std::size_t size, int error) {
  throw NoSharedMemory(fmt::format(
      "cannot reserve {} bytes of shared memory for a message: {} (see the memory of this "
      "node, and the memory limit of its job or container)",
      size, std::strerror(error)));
}

enum class Standing : std::uint8_t {
  own,       // this process alone may write
  given,     // another's; the mapping is kept, should it come back
  borrowed,  // another's, who has lent it
  lent,      // nobody's: another process may still read it
};

struct Segment {
  Segment(std::byte* place, std::size_t length, ino_t number)
      : start(place), size(length), inode(number) {}
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;
  ~Segment() { ::munmap(start, size); }

  std::byte* start;
  std::size_t size;
  ino_t inode;
  UniqueFd fd;  // none: given
  Standing standing = Standing::own;
  bool mapped = false;  // page by page
  std::size_t uses = 0;
  std::uint64_t freed = 0;  // when
};
using Holder = std::unique_ptr<Segment>;

/// All segments of this process.
class Segments {
 public:
  static Segments& get() {
    static auto* const all = new Segments;  // never destroyed: bytes may be, later
    return *all;
  }

  std::byte* allocate(std::size_t size);
  void free(std::byte* bytes) noexcept;
  std::optional<SegmentPlace> find(ByteView bytes);
  std::uint64_t pass_on(const Large& bytes);
  void take_over(ByteView bytes);
  Bytes receive(UniqueFd&& fd, std::uint64_t offset, std::uint64_t size, bool own);
  std::optional<Bytes> spare(std::size_t size);
  std::optional<Bytes> surplus();
  SegmentCounts counts();
  void drop_kept();

 private:
  Segment* at(const std::byte* bytes) MPX_REQUIRES(mutex_);
  void take(Segment* segment) MPX_REQUIRES(mutex_);
  Segment* free_one(std::size_t size) MPX_REQUIRES(mutex_);
  static Holder make(std::size_t size);
  static Holder map(int fd, std::size_t size, ino_t inode);
  Segment* insert(Holder made) MPX_REQUIRES(mutex_);
  void trim(std::vector<Holder>& out, std::size_t bytes, std::size_t count) MPX_REQUIRES(mutex_);
  [[nodiscard]] bool may_have_more() const MPX_REQUIRES(mutex_);

  Mutex mutex_;
  std::map<const std::byte*, Holder> all_ MPX_GUARDED_BY(mutex_);  // by start
  std::unordered_map<ino_t, Segment*> by_inode_ MPX_GUARDED_BY(mutex_);
  std::size_t with_fd_ MPX_GUARDED_BY(mutex_) = 0;
  std::vector<Segment*> kept_ MPX_GUARDED_BY(mutex_);  // not in use: own or given
  std::atomic<std::size_t> free_ = 0;                  // of these: own; read without the mutex
  std::uint64_t clock_ MPX_GUARDED_BY(mutex_) = 0;
};

thread_local std::byte* adopted = nullptr;  // what the next allocation of this thread is to be

Bytes adopt(std::byte* bytes, std::size_t size) {
  adopted = bytes;
  return Bytes(size);
}

std::size_t rounded(std::size_t size) {
  const std::size_t step =
      size > kKeptBytes ? 4096 : std::max<std::size_t>(65536, std::bit_floor(size) / 16);
  return (size + step - 1) / step * step;
}

bool Segments::may_have_more() const {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  return with_fd_ < std::min<std::size_t>(kMostSegments, limit.rlim_cur / 4);
}

Segment* Segments::at(const std::byte* bytes) {
  auto found = all_.upper_bound(bytes);
  if (found == all_.begin()) return nullptr;
  auto& segment = *(--found)->second;
  return bytes < segment.start + segment.size ? &segment : nullptr;
}

/// Out of those that are kept, if it is there.
void Segments::take(Segment* segment) {
  if (std::erase(kept_, segment) != 0 && segment->standing == Standing::own) --free_;
}

Segment* Segments::free_one(std::size_t size) {
  Segment* best = nullptr;
  for (auto* segment : kept_) {
    if (segment->standing != Standing::own || segment->size < size ||
        segment->size > 2 * size + kSlack)
      continue;
    if (best == nullptr || segment->size < best->size) best = segment;
  }
  if (best != nullptr) take(best);
  return best;
}

/// Null: there is none to be had, for want of descriptors or because files must not be so long.
Holder Segments::make(std::size_t wanted) {
  const auto size = rounded(wanted);
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur < size) return nullptr;
  // Else the kernel would go on until it has to kill somebody.
  struct sysinfo facts {};
  if (::sysinfo(&facts) == 0 && size / facts.mem_unit > facts.totalram + facts.totalswap)
    throw_no_memory(size, ENOMEM);
  UniqueFd fd(::memfd_create("mpx-bytes", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return nullptr;
  for (std::size_t done = 0; done < size;) {
    const auto step = std::min(kStep, size - done);
    if (::fallocate(fd.get(), 0, static_cast<off_t>(done), static_cast<off_t>(step)) == 0) {
      done += step;
    } else if (errno != EINTR) {
      throw_no_memory(size, errno);
    }
  }
  struct stat status {};
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0 ||
      ::fstat(fd.get(), &status) != 0)
    return nullptr;
  auto made = map(fd.get(), size, status.st_ino);
  made->fd = std::move(fd);
  return made;
}

Holder Segments::map(int fd, std::size_t size, ino_t inode) {
  void* start = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (start == MAP_FAILED) throw_no_memory(size, errno);
  return std::make_unique<Segment>(static_cast<std::byte*>(start), size, inode);
}

Segment* Segments::insert(Holder made) {
  auto* segment = made.get();
  auto& inode = by_inode_[segment->inode];
  all_[segment->start] = std::move(made);
  inode = segment;
  return segment;
}

std::byte* Segments::allocate(std::size_t size) {
  Segment* segment = nullptr;
  {
    MutexLock lock(mutex_);
    segment = free_one(size);
    if (segment == nullptr) {
      if (!may_have_more()) return nullptr;
      ++with_fd_;
      lock.unlock();  // the kernel takes a while to clear the pages
      Holder made;
      try {
        made = make(size);
      } catch (...) {
        lock.lock();
        --with_fd_;
        throw;
      }
      lock.lock();
      if (!made) {
        --with_fd_;
        return nullptr;
      }
      segment = insert(std::move(made));
    }
    ++segment->uses;
  }
  // A fault for each page that is written would take longer than to write it.
  if (!std::exchange(segment->mapped, true))
    static_cast<void>(::madvise(segment->start, segment->size, MADV_POPULATE_READ));
  return segment->start;
}

void Segments::free(std::byte* bytes) noexcept {
  std::vector<Holder> gone;  // without the mutex: it takes the kernel a while
  const MutexLock lock(mutex_);
  auto* segment = at(bytes);
  if (segment == nullptr) return ::operator delete(bytes);
  if (--segment->uses > 0) return;
  const bool keeps = segment->standing == Standing::own || segment->standing == Standing::given;
  if (segment->standing != Standing::own && segment->fd) {
    segment->fd.reset();
    --with_fd_;
  }
  segment->freed = ++clock_;
  kept_.push_back(segment);
  if (segment->standing == Standing::own) ++free_;
  if (!keeps) segment->freed = 0;  // the first to go
  trim(gone, kKeptBytes, kKept);
}

/// Removes those kept for longest, and all that need not be kept.
void Segments::trim(std::vector<Holder>& out, std::size_t bytes, std::size_t count) {
  std::sort(kept_.begin(), kept_.end(),
            [](const auto* a, const auto* b) { return a->freed > b->freed; });
  std::size_t total = 0, number = 0;
  std::erase_if(kept_, [&](Segment* segment) MPX_REQUIRES(mutex_) {
    if (segment->freed != 0 && total + segment->size <= bytes && number < count) {
      total += segment->size;
      ++number;
      return false;
    }
    if (segment->fd) --with_fd_;
    if (segment->standing == Standing::own) --free_;
    by_inode_.erase(segment->inode);
    auto holder = all_.extract(segment->start);
    out.push_back(std::move(holder.mapped()));
    return true;
  });
}

std::optional<SegmentPlace> Segments::find(ByteView bytes) {
  const MutexLock lock(mutex_);
  const auto* segment = at(bytes.data());
  if (segment == nullptr || !segment->fd) return std::nullopt;
  return SegmentPlace{segment->fd.get(), static_cast<std::uint64_t>(bytes.data() - segment->start),
                      segment->standing == Standing::own};
}

std::uint64_t Segments::pass_on(const Large& bytes) {
  const MutexLock lock(mutex_);
  auto* segment = at(bytes.view().data());
  const bool own = segment != nullptr && segment->standing == Standing::own;
  const bool gives = own && bytes.sole();
  if (own) segment->standing = gives ? Standing::given : Standing::lent;
  return gives ? kLargeGiven : kLargeLent;
}

void Segments::take_over(ByteView bytes) {
  const MutexLock lock(mutex_);
  auto* segment = at(bytes.data());
  if (segment == nullptr || segment->standing != Standing::borrowed || segment->uses != 1) return;
  segment->standing = Standing::own;
}

Bytes Segments::receive(UniqueFd&& fd, std::uint64_t offset, std::uint64_t size, bool own) {
  struct stat status {};
  const int seals = ::fcntl(fd.get(), F_GET_SEALS);
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || ::fstat(fd.get(), &status) != 0)
    throw TransportError("a large message is announced in memory that is not sealed");
  const auto length = static_cast<std::uint64_t>(status.st_size);
  if (size < kLargeBytes || offset > length || size > length - offset) {
    throw TransportError(
        fmt::format("a large message of {} bytes is announced at {} of memory that has {}", size,
                    offset, length));
  }
  MutexLock lock(mutex_);
  const auto known = by_inode_.find(status.st_ino);
  Segment* segment = known == by_inode_.end() ? nullptr : known->second;
  if ((segment == nullptr || !segment->fd) && !may_have_more()) {
    lock.unlock();
    const auto from = map(fd.get(), length, status.st_ino);
    Bytes copy(size);
    std::memcpy(copy.data(), from->start + offset, size);
    return copy;
  }
  if (segment != nullptr && segment->size != length)
    throw TransportError("a large message is announced in memory of another kind");
  if (segment == nullptr) segment = insert(map(fd.get(), length, status.st_ino));
  if (segment->uses++ == 0) take(segment);
  if (!segment->fd) {
    segment->fd = std::move(fd);
    ++with_fd_;
  }
  segment->standing = own && segment->uses == 1 ? Standing::own : Standing::borrowed;
  return adopt(segment->start + offset, size);
}

std::optional<Bytes> Segments::spare(std::size_t size) {
  const MutexLock lock(mutex_);
  auto* segment = free_one(size);
  if (segment == nullptr) return std::nullopt;
  ++segment->uses;
  return adopt(segment->start, segment->size);
}

std::optional<Bytes> Segments::surplus() {
  if (free_.load(std::memory_order_relaxed) < 2) return std::nullopt;
  const MutexLock lock(mutex_);
  Segment* oldest = nullptr;
  std::size_t own = 0;
  for (auto* segment : kept_) {
    if (segment->standing != Standing::own) continue;
    ++own;
    if (oldest == nullptr || segment->freed < oldest->freed) oldest = segment;
  }
  if (own < 2) return std::nullopt;
  take(oldest);
  ++oldest->uses;
  return adopt(oldest->start, oldest->size);
}

SegmentCounts Segments::counts() {
  const MutexLock lock(mutex_);
  SegmentCounts counts;
  for (const auto& [start, segment] : all_) {
    if (segment->uses > 0) {
      ++counts.used;
    } else {
      ++(segment->standing == Standing::own ? counts.free : counts.given);
    }
  }
  return counts;
}

void Segments::drop_kept() {
  std::vector<Holder> gone;
  const MutexLock lock(mutex_);
  trim(gone, 0, 0);
}

}  // namespace

// A copy of this process by fork() shares the segments' pages with it: it leaves them alone, and what
// it has itself it keeps to itself.
std::byte* allocate_large(std::size_t size) {
  if (auto* bytes = std::exchange(adopted, nullptr)) return bytes;
  if (!is_forked_copy()) {
    if (auto* bytes = Segments::get().allocate(size)) return bytes;
  }
  return static_cast<std::byte*>(::operator new(size));
}

void free_large(std::byte* bytes) noexcept {
  if (!is_forked_copy()) Segments::get().free(bytes);
}

std::optional<SegmentPlace> find_segment(ByteView bytes) {
  return bytes.empty() ? std::nullopt : Segments::get().find(bytes);
}
std::uint64_t pass_segment(const Large& bytes) { return Segments::get().pass_on(bytes); }
void take_over_segment(ByteView bytes) { Segments::get().take_over(bytes); }
Bytes receive_segment(UniqueFd&& fd, std::uint64_t offset, std::uint64_t size, bool own) {
  return Segments::get().receive(std::move(fd), offset, size, own);
}
Bytes private_bytes(std::size_t size) {
  if (size < kLargeBytes) return Bytes(size);
  return adopt(static_cast<std::byte*>(::operator new(size)), size);
}
std::optional<Bytes> spare_segment(std::size_t size) { return Segments::get().spare(size); }
std::optional<Bytes> surplus_segment() { return Segments::get().surplus(); }
SegmentCounts segment_counts() { return Segments::get().counts(); }
void drop_kept_segments() { Segments::get().drop_kept(); }

}  // namespace mpx::detail
