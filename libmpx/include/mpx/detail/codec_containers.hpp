#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <forward_list>
#include <list>
#include <map>
#include <set>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "mpx/detail/codec.hpp"

namespace mpx::detail {

/// Tells the archive of a value, if there is one, that an object just read lives elsewhere now.
void note_move(Reader& reader, const void* to, const void* from);

template <class T, std::size_t N>
inline constexpr bool plain<std::array<T, N>> = N != 0 && plain<T>;

/// Writes elements one after the other. Where an element may take no bytes at all, zeros follow,
/// so that a count is never larger than the bytes behind it and a reader can check it.
template <class T, class Range>
void write_elements(Writer& writer, const Range& range, std::size_t count) {
  writer.number<std::uint64_t>(count);
  const auto start = writer.bytes().size();
  for (const auto& element : range) write_part<T>(writer, element);
  if constexpr (min_bytes<T>() == 0) writer.pad_to(start + count);
}

/// Calls `read_one` as often as the length in front says.
template <class T, class ReadOne>
void read_elements(Reader& reader, std::size_t count, ReadOne read_one) {
  const auto start = reader.position();
  for (std::size_t i = 0; i < count; ++i) read_one();
  if constexpr (min_bytes<T>() == 0) reader.skip_to(start + count);
}

/// Strings and vectors of plain elements: one copy.
template <class Row>
struct RowCodec {
  using T = typename Row::value_type;
  using Parts = TypeList<T>;
  static constexpr std::size_t min_bytes = sizeof(std::uint64_t);

  static void write(Writer& writer, const Row& row) {
    writer.number<std::uint64_t>(row.size());
    writer.raw(row.data(), row.size() * sizeof(T));
  }
  static void read_into(Reader& reader, Row& row) {
    const auto count = reader.length(sizeof(T));
    const auto* bytes = reader.take(count * sizeof(T)).data();
    if (count * sizeof(T) >= kLargeBytes && row.capacity() < count) {
      row.clear();
      row.reserve(count);
      about_to_fill(row.data(), count * sizeof(T));
    }
    if (reinterpret_cast<std::uintptr_t>(bytes) % alignof(T) == 0) {
      const auto* first = reinterpret_cast<const T*>(bytes);  // spares resize()'s zeros
      row.assign(first, first + count);
    } else {
      row.resize(count);
      if (count != 0) std::memcpy(row.data(), bytes, count * sizeof(T));
    }
  }
};

template <class C, class Traits, class A>
struct Codec<std::basic_string<C, Traits, A>> : RowCodec<std::basic_string<C, Traits, A>> {};

template <class T, class A>
requires plain<T>
struct Codec<std::vector<T, A>> : RowCodec<std::vector<T, A>> {
};

template <class T, class A>
requires(!plain<T>) struct Codec<std::vector<T, A>> {
  using Parts = TypeList<T>;
  static constexpr std::size_t min_bytes = sizeof(std::uint64_t);
  static void write(Writer& writer, const std::vector<T, A>& row) {
    write_elements<T>(writer, row, row.size());
  }
  static void read_into(Reader& reader, std::vector<T, A>& row) {
    const auto count = reader.length(detail::min_bytes<T>());
    row.clear();
    if constexpr (std::default_initializable<T>) {
      row.resize(count);
      auto at = row.begin();
      read_elements<T>(reader, count, [&] { read_part(reader, *at++); });
    } else {
      row.reserve(count);
      read_elements<T>(reader, count, [&] { row.push_back(make_part<T>(reader)); });
    }
  }
};

template <class A>
struct Codec<std::vector<bool, A>> {
  using Parts = TypeList<>;
  static constexpr std::size_t min_bytes = sizeof(std::uint64_t);
  static void write(Writer& writer, const std::vector<bool, A>& row) {
    writer.number<std::uint64_t>(row.size());
    auto* bytes = writer.extend((row.size() + 7) / 8);
    std::fill_n(bytes, (row.size() + 7) / 8, std::byte{0});
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (row[i]) bytes[i / 8] |= std::byte{1} << (i % 8);
    }
  }
  static void read_into(Reader& reader, std::vector<bool, A>& row) {
    const auto count = reader.number<std::uint64_t>();
    if (count / 8 > reader.left()) throw_bad_length(count, reader.left());
    const auto bytes = reader.take((count + 7) / 8);
    row.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      row[i] = (bytes[i / 8] >> (i % 8) & std::byte{1}) != std::byte{0};
    }
  }
};

/// A fixed number of elements: no length is written.
template <class Row, class T, std::size_t N>
struct FixedCodec {
  using Parts = TypeList<T>;
  static constexpr std::size_t min_bytes = N * detail::min_bytes<T>();
  static void write(Writer& writer, const Row& row) {
    if constexpr (plain<T>) {
      if constexpr (N != 0) writer.raw(&row[0], N * sizeof(T));
    } else {
      for (const auto& element : row) write_part<T>(writer, element);
    }
  }
  static void read_into(Reader& reader,
                        Row& row) requires(N == 0 || std::default_initializable<T>) {
    if constexpr (plain<T>) {
      if constexpr (N != 0) reader.raw(&row[0], N * sizeof(T));
    } else {
      for (auto& element : row) read_part(reader, element);
    }
  }
};

template <class T, std::size_t N>
struct Codec<T[N]> : FixedCodec<T[N], T, N> {};

template <class T, std::size_t N>
struct Codec<std::array<T, N>> : FixedCodec<std::array<T, N>, T, N> {
  static std::array<T, N> make(Reader& reader) requires(N != 0 && !std::default_initializable<T>) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return std::array<T, N>{(static_cast<void>(I), make_part<T>(reader))...};
    }
    (std::make_index_sequence<N>{});
  }
};

/// deque, list: elements stay where they were made.
template <class Sequence>
struct SequenceCodec {
  using T = typename Sequence::value_type;
  using Parts = TypeList<T>;
  static constexpr std::size_t min_bytes = sizeof(std::uint64_t);
  static void write(Writer& writer, const Sequence& sequence) {
    write_elements<T>(writer, sequence, sequence.size());
  }
  static void read_into(Reader& reader, Sequence& sequence) {
    const auto count = reader.length(detail::min_bytes<T>());
    sequence.clear();
    read_elements<T>(reader, count, [&] {
      if constexpr (std::default_initializable<T>) {
        read_part(reader, sequence.emplace_back());
      } else {
        sequence.push_back(make_part<T>(reader));
      }
    });
  }
};

template <class T, class A>
struct Codec<std::deque<T, A>> : SequenceCodec<std::deque<T, A>> {};
template <class T, class A>
struct Codec<std::list<T, A>> : SequenceCodec<std::list<T, A>> {};

template <class T, class A>
struct Codec<std::forward_list<T, A>> {
  using List = std::forward_list<T, A>;
  using Parts = TypeList<T>;
  static constexpr std::size_t min_bytes = sizeof(std::uint64_t);
  static void write(Writer& writer, const List& list) {
    write_elements<T>(writer, list,
                      static_cast<std::size_t>(std::distance(list.begin(), list.end())));
  }
  static void read_into(Reader& reader, List& list) {
    const auto count = reader.length(detail::min_bytes<T>());
    list.clear();
    auto last = list.before_begin();
    read_elements<T>(reader, count, [&] { last = list.insert_after(last, make_part<T>(reader)); });
  }
};

/// The set families: elements are read outside and move in.
template <class Set>
struct SetCodec {
  using T = typename Set::value_type;
  using Parts = TypeList<T>;
  static constexpr std::size_t min_bytes = sizeof(std::uint64_t);
  static void write(Writer& writer, const Set& set) { write_elements<T>(writer, set, set.size()); }
  static void read_into(Reader& reader, Set& set) {
    const auto count = reader.length(detail::min_bytes<T>());
    set.clear();
    read_elements<T>(reader, count, [&] {
      T element = make_part<T>(reader);
      const auto at = set.emplace_hint(set.end(), std::move(element));
      note_move(reader, &*at, &element);
    });
  }
};

/// The map families.
template <class Map>
struct MapCodec {
  using K = typename Map::key_type;
  using V = typename Map::mapped_type;
  using Parts = TypeList<K, V>;
  static constexpr std::size_t min_bytes = sizeof(std::uint64_t);
  static void write(Writer& writer, const Map& map) {
    write_elements<typename Map::value_type>(writer, map, map.size());
  }
  static void read_into(Reader& reader, Map& map) {
    using Entry = typename Map::value_type;
    const auto count = reader.length(detail::min_bytes<Entry>());
    map.clear();
    read_elements<Entry>(reader, count, [&] {
      K key = make_part<K>(reader);
      if constexpr (std::default_initializable<V>) {
        const auto at = map.emplace_hint(map.end(), std::piecewise_construct,
                                         std::forward_as_tuple(std::move(key)), std::tuple<>());
        note_move(reader, &at->first, &key);
        read_part(reader, at->second);
      } else {
        map.emplace_hint(map.end(), std::move(key), make_part<V>(reader));
      }
    });
  }
};

template <class T, class L, class A>
struct Codec<std::set<T, L, A>> : SetCodec<std::set<T, L, A>> {};
template <class T, class L, class A>
struct Codec<std::multiset<T, L, A>> : SetCodec<std::multiset<T, L, A>> {};
template <class T, class H, class E, class A>
struct Codec<std::unordered_set<T, H, E, A>> : SetCodec<std::unordered_set<T, H, E, A>> {};
template <class T, class H, class E, class A>
struct Codec<std::unordered_multiset<T, H, E, A>> : SetCodec<std::unordered_multiset<T, H, E, A>> {
};
template <class K, class V, class L, class A>
struct Codec<std::map<K, V, L, A>> : MapCodec<std::map<K, V, L, A>> {};
template <class K, class V, class L, class A>
struct Codec<std::multimap<K, V, L, A>> : MapCodec<std::multimap<K, V, L, A>> {};
template <class K, class V, class H, class E, class A>
struct Codec<std::unordered_map<K, V, H, E, A>> : MapCodec<std::unordered_map<K, V, H, E, A>> {};
template <class K, class V, class H, class E, class A>
struct Codec<std::unordered_multimap<K, V, H, E, A>>
    : MapCodec<std::unordered_multimap<K, V, H, E, A>> {};

}  // namespace mpx::detail
