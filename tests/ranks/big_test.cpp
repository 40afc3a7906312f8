// Values whose length takes more than 31 bits arrive whole. Needs 13 GiB of memory.

#include <gtest/gtest.h>

#include <algorithm>
#include <mpx/mpx.hpp>
#include <string>

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

}  // namespace
