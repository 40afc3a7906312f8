#pragma once

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "mpx/async_result.hpp"
#include "mpx/bind_front.hpp"
#include "mpx/detail/callable.hpp"
#include "mpx/detail/encode.hpp"
#include "mpx/detail/pool_core.hpp"

namespace mpx {

/// Where the tasks of a pool run.
enum class Isolation {
  /// In processes of their own: a crash costs one task.
  process,
};

/// How a Pool is made.
struct PoolOptions {
  /// Its processes; 0: cpu_count().
  std::size_t processes = 0;
  /// Tasks after which a process is replaced by a new one; 0: never.
  std::size_t max_tasks_per_child = 0;
  Isolation isolation = Isolation::process;
  /// How often an element whose process died is run again. 0 for tasks with side effects.
  std::size_t retries = 1;
  /// Of its processes: "NAMEWorker-N". Empty: "Pool".
  std::string name = {};
};

/// How a map is carried out.
struct MapOptions {
  /// Elements that travel together; 0: by measured task time.
  std::size_t chunk_size = 0;
  /// While a thread waits for the results, shows on stderr how far they are: how many of how many,
  /// how many a second, and the time left. One line, rewritten, on a terminal; else a line now and
  /// then.
  bool progress = false;
};

namespace detail {

/// `requires OneRange<Range>` says what is wrong when a map is given something else.
template <class Range>
consteval bool is_range() {
  static_assert(std::ranges::input_range<Range>,
                "mpx: map and starmap take a function, and then a range of elements: a container, "
                "a view, or a list in braces; for a single call use apply");
  return std::ranges::input_range<Range>;
}
template <class Range>
concept OneRange = is_range<Range>();

}  // namespace detail

/// Processes that carry out tasks: multiprocessing.Pool.
///
/// A Pool is a handle: copies name the same pool, and a copy sent to another process may be used
/// there. It is terminated when the last copy in the process that made it is destroyed.
///
/// Ordering:      results have the order of the elements.
/// Thread safety: all members.
/// Failure:       an exception in a task arrives as itself where it is a standard one (RemoteOrigin
///                tells the place and, of a map, the element's index). An element whose process
///                dies runs again `retries` times and then fails with ProcessLost; elements that
///                have finished never run twice.
/// Cost:          elements and results travel in batches; a function and what is bound to it
///                travels once per process.
class Pool {
 public:
  /// A pool of cpu_count() processes; started at first use.
  Pool() : Pool(PoolOptions{}) {}
  explicit Pool(std::size_t processes) : Pool(PoolOptions{.processes = processes}) {}
  explicit Pool(PoolOptions options)
      : Pool(detail::PoolCore::make(request_of(std::move(options)), {}), nullptr) {}

  /// A pool whose processes first call `initializer(args…)`. What it sets in globals is there for
  /// the tasks of that process. If it throws, so does every use of the pool.
  template <class F, class... Args>
  explicit Pool(PoolOptions options, F&& initializer, Args&&... args)
      : Pool(detail::PoolCore::make(request_of(std::move(options)),
                                    initializer_of(initializer, args...)),
             nullptr) {}

  /// Refused: `Pool(PoolOptions{.processes = n}, initializer, args…)`.
  template <std::integral N, class F, class... Args>
  Pool(N /*processes*/, F&& /*initializer*/, Args&&... /*args*/) : Pool() {
    static_assert(std::is_void_v<F>,
                  "mpx: an initializer comes after the options of a pool: "
                  "Pool(PoolOptions{.processes = n}, initializer, args...)");
  }

  /// Calls `f(args…)` in a process of the pool and returns its result, or throws its exception.
  template <class F = detail::Unresolved, class... Args>
  requires detail::OneFunction<F>
  auto apply(F&& f, Args&&... args) const {
    return apply_async(std::forward<F>(f), std::forward<Args>(args)...).get();
  }

  /// As apply(), but returns at once.
  template <class F = detail::Unresolved, class... Args>
  requires detail::OneFunction<F>
  auto apply_async(F&& f, Args&&... args) const {
    using R = detail::received_t<detail::call_result_t<F, Args...>>;
    detail::Writer function;
    detail::write_callable<F, Args...>(function, f);
    detail::Submission elements;
    elements.add([&](detail::Writer& writer) { detail::write_arguments(writer, args...); });
    return submit<R, false>(function, std::move(elements), {});
  }

  /// Calls `f(element)` for every element of `range` and returns the results in order. Waits for
  /// all, then throws the exception of the first element, by index, that failed. Of a void function
  /// it returns void.
  template <class F = detail::Unresolved, class Range>
  requires detail::OneFunction<F> && detail::OneRange<Range>
  auto map(F&& f, Range&& range, MapOptions options = {}) const {
    return map_async(std::forward<F>(f), std::forward<Range>(range), options).get();
  }
  template <class F = detail::Unresolved, class T>
  requires detail::OneFunction<F>
  auto map(F&& f, std::initializer_list<T> range, MapOptions options = {}) const {
    return map_async(std::forward<F>(f), range, options).get();
  }

  /// As map(), but returns when the elements have been handed over.
  template <class F = detail::Unresolved, class Range>
  requires detail::OneFunction<F> && detail::OneRange<Range>
  auto map_async(F&& f, Range&& range, MapOptions options = {}) const {
    using Element = std::ranges::range_value_t<Range>;
    detail::Writer function;
    detail::write_callable<F, Element>(function, f);
    detail::Submission elements;
    if constexpr (detail::plain<Element> && std::ranges::contiguous_range<Range> &&
                  std::ranges::sized_range<Range>) {
      elements.add_row(std::ranges::data(range), std::ranges::size(range), sizeof(Element));
    } else {
      for (auto&& element : range) {
        elements.add([&](detail::Writer& writer) { detail::write<Element>(writer, element); });
      }
    }
    using R = detail::received_t<detail::call_result_t<F, Element>>;
    return submit<R, true>(function, std::move(elements), options);
  }
  template <class F = detail::Unresolved, class T>
  requires detail::OneFunction<F>
  auto map_async(F&& f, std::initializer_list<T> range, MapOptions options = {}) const {
    return map_async(std::forward<F>(f), std::span<const T>(range.begin(), range.size()), options);
  }

  /// As map(), but each element is a pair, tuple or array whose parts are the arguments.
  template <class F = detail::Unresolved, class Range>
  requires detail::OneFunction<F> && detail::OneRange<Range>
  auto starmap(F&& f, Range&& range, MapOptions options = {}) const {
    return starmap_async(std::forward<F>(f), std::forward<Range>(range), options).get();
  }
  /// In braces, an element may be the arguments in braces: `starmap(f, {{1, "a"}, {2, "b"}})`, where the
  /// parameters of `f` can be known (not of a generic lambda).
  template <class F = detail::Unresolved, class T = detail::arguments_t<F>>
  requires detail::OneFunction<F>
  auto starmap(F&& f, std::initializer_list<T> range, MapOptions options = {}) const {
    return starmap_async(std::forward<F>(f), range, options).get();
  }
  template <class F = detail::Unresolved, class Range>
  requires detail::OneFunction<F> && detail::OneRange<Range>
  auto starmap_async(F&& f, Range&& range, MapOptions options = {}) const {
    using Element = std::ranges::range_value_t<Range>;
    detail::Writer function;
    detail::write_spread_callable<F, Element>(function, f);
    detail::Submission elements;
    for (auto&& element : range) {
      elements.add([&](detail::Writer& writer) {
        detail::Spread<std::decay_t<F>, Element>::write_element(writer, element);
      });
    }
    using R = detail::received_t<detail::spread_result_t<F, Element>>;
    return submit<R, true>(function, std::move(elements), options);
  }
  template <class F = detail::Unresolved, class T = detail::arguments_t<F>>
  requires detail::OneFunction<F>
  auto starmap_async(F&& f, std::initializer_list<T> range, MapOptions options = {}) const {
    return starmap_async(std::forward<F>(f), std::span<const T>(range.begin(), range.size()),
                         options);
  }

  /// No more tasks: what has been submitted is carried out, then its processes end. Submitting
  /// throws UsageError.
  void close() const { owner_->core->close(); }
  /// Ends its processes at once; results that are not there yet throw Closed.
  void terminate() const { owner_->core->terminate(); }
  /// Blocks until its processes have ended. Throws UsageError before close() or terminate().
  void join() const { owner_->core->join(); }

  void mpx_save(detail::Writer& writer) const { owner_->core->save(writer); }
  static Pool mpx_load(detail::Reader& reader) {
    return Pool(detail::PoolCore::load(reader), nullptr);
  }

 private:
  Pool(std::shared_ptr<detail::PoolCore> core, std::nullptr_t)
      : owner_(std::make_shared<detail::PoolOwner>(std::move(core))) {}

  static detail::PoolRequest request_of(PoolOptions options) {
    return {options.processes, options.max_tasks_per_child, options.retries,
            std::move(options.name)};
  }
  template <class F, class... Args>
  static detail::Payload initializer_of(const F& f, const Args&... args) {
    detail::Writer writer;
    detail::write_callable<const F&, Args...>(writer, f);
    detail::write_arguments(writer, args...);
    return writer.take();
  }

  template <class R, bool many>
  auto submit(detail::Writer& function, detail::Submission elements, MapOptions options) const {
    auto state = detail::make_result_state<R, many>(elements.count());
    if (options.progress) state.batch->show_progress();
    owner_->core->submit(state.batch, function.take(), std::move(elements), !many,
                         options.chunk_size);
    return detail::to_async_result(std::move(state));
  }

  std::shared_ptr<detail::PoolOwner> owner_;
};

}  // namespace mpx
