// Values whose length takes more than 31 bits arrive whole. Needs 13 GiB of memory.

#include <gtest/gtest.h>

#include <algorithm>
#include <mpx/mpx.hpp>
#include <string>
#include <vector>

namespace {

constexpr std::size_t kBig = (std::size_t{3} << 30) + 5;

std::string big_text() {
  std::string text(kBig, '.');
  for (std::size_t i = 0; i < kBig; i += 4093) text[i] = static_cast<char>('a' + i % 26);
  text.back() = '!';
  return text;
}
/// Whether it is the text of big_text(): looks into every page, without a second copy of it.
bool is_big_text(const std::string& text) {
  if (text.size() != kBig || text.back() != '!') return false;
  for (std::size_t i = 0; i + 2 < kBig; i += 4093) {
    if (text[i] != static_cast<char>('a' + i % 26) || text[i + 1] != '.') return false;
  }
  return true;
}

TEST(Big, AnArgumentOfAPool) {
  mpx::Pool pool(1);
  EXPECT_TRUE(pool.apply(is_big_text, big_text()));
}

TEST(Big, AResultOfAPool) {
  mpx::Pool pool(1);
  EXPECT_TRUE(is_big_text(pool.apply(big_text)));
}

TEST(Big, AMessageOfAPipe) {
  auto [here, there] = mpx::pipe();
  mpx::Process reader([](mpx::Connection end) { end.send(is_big_text(end.recv<std::string>())); },
                      there);
  reader.start();
  here.send(big_text());
  EXPECT_TRUE(here.recv<bool>());
  reader.join();
}

TEST(Big, AnArray) {
  constexpr std::size_t kElements = std::size_t{1} << 27;  // 1 GiB
  const mpx::Array<std::uint64_t> array(kElements);
  mpx::Process process(
      [](mpx::Array<std::uint64_t> shared) {
        std::vector<std::uint64_t> all(shared.size(), 1);
        shared.read(0, all);
        for (std::size_t i = 0; i < all.size(); ++i) {
          if (all[i] != 0) mpx::exit(2);
          all[i] = i;
        }
        shared.write(0, all);
      },
      array);
  process.start();
  process.join();
  ASSERT_EQ(process.exit_code(), 0);
  std::vector<std::uint64_t> all(kElements);
  array.read(0, all);
  for (std::size_t i = 0; i < kElements; ++i) ASSERT_EQ(all[i], i);
  EXPECT_EQ(array.load(kElements - 1), kElements - 1);
}

}  // namespace
