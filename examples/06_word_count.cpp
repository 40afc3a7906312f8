// Counts the words of text files in parallel: Pool::map over portions of text, each of several
// small files or of a piece of a large one. Then counts them file by file in this process, and
// compares.
//
//   mpx-run ./06_word_count [files and folders]      default: /usr/share/common-licenses
//
// A word is a run of ASCII letters, in lower case, and of bytes beyond ASCII; of one that is longer
// than 64 bytes the first 64 count. Files are read where the work is done: with several machines
// they must be on each. The exit status is 1 if the counts differ or there was nothing to count.

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <mpx/mpx.hpp>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr std::uint64_t least_portion = 16 << 10;
constexpr std::uint64_t greatest_portion = 1 << 20;
constexpr std::uint64_t huge_bytes = 64 << 20;
constexpr std::size_t longest_word = 64;
constexpr std::size_t words_shown = 10;

using Words = std::map<std::string, std::uint64_t>;
using Clock = std::chrono::steady_clock;

struct File {
  std::string path;
  std::uint64_t bytes = 0;
};

/// A part of a file: bytes [begin, end) of the first file_bytes.
struct Piece {
  std::string path;
  std::uint64_t begin = 0, end = 0, file_bytes = 0;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& path& begin& end& file_bytes;
  }
};

using Portion = std::vector<Piece>;  // one task

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) || (c & 0x80) != 0; }

/// Takes a text byte by byte and counts its words.
class Counter {
 public:
  void take(char c) {
    if (!is_letter(c)) return end_word();
    if (word_.size() < longest_word) word_ += static_cast<char>(std::tolower(c & 0xff));
  }
  void end_word() {
    if (inside_word()) ++words_[word_];
    word_.clear();
  }
  [[nodiscard]] bool inside_word() const { return !word_.empty(); }
  Words finish() {
    end_word();
    return std::move(words_);
  }

 private:
  std::string word_;
  Words words_;
};

std::ifstream opened(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(std::strerror(errno));
  return file;
}

void add(const Words& part, Words& words) {
  for (const auto& [word, count] : part) words[word] += count;
}

/// The words that begin in the piece; the last may end behind it.
Words count_piece(const Piece& piece) {
  auto file = opened(piece.path);
  bool others = false;  // whether the piece begins inside a word: that is of an earlier piece
  if (piece.begin > 0) {
    file.seekg(static_cast<std::streamoff>(piece.begin - 1));
    others = is_letter(static_cast<char>(file.get()));
  }
  Counter counter;
  std::istreambuf_iterator<char> c(file), end_of_file;
  for (auto at = piece.begin; at < piece.file_bytes && c != end_of_file; ++at, ++c) {
    if (at >= piece.end && !counter.inside_word()) break;
    others = others && is_letter(*c);
    if (!others) counter.take(*c);
  }
  return counter.finish();
}

Words count_portion(const Portion& portion) {
  Words words;
  for (const auto& piece : portion) add(count_piece(piece), words);
  return words;
}

void count_file(const File& file, Words& words) {
  auto stream = opened(file.path);
  Counter counter;
  std::istreambuf_iterator<char> c(stream), end_of_file;
  for (std::uint64_t at = 0; at < file.bytes && c != end_of_file; ++at, ++c) counter.take(*c);
  add(counter.finish(), words);
}

/// Adds the readable files under `path`, each file once, whatever links lead to it. Says on the
/// standard error output what is left out.
void find_files(const std::filesystem::path& path, std::set<std::string>& seen,
                std::vector<File>& files) {
  namespace fs = std::filesystem;
  try {
    const auto real = fs::canonical(path);
    if (!seen.insert(real).second) return;
    if (fs::is_directory(real)) {
      for (const auto& entry : fs::directory_iterator(real)) find_files(entry, seen, files);
    } else if (!fs::is_regular_file(real)) {
      std::cerr << "left out: " << path.string() << ": neither a file nor a folder\n";
    } else {
      opened(real);
      files.push_back({real, fs::file_size(real)});
    }
  } catch (const fs::filesystem_error& error) {
    std::cerr << "left out: " << path.string() << ": " << error.code().message() << '\n';
  } catch (const std::runtime_error& error) {
    std::cerr << "left out: " << path.string() << ": " << error.what() << '\n';
  }
}

/// Some portions for each process, but none so small that its way costs more than its words.
std::vector<Portion> cut(const std::vector<File>& files, std::uint64_t total) {
  const auto bytes_each =
      std::clamp(total / (4 * mpx::cpu_count()), least_portion, greatest_portion);
  std::vector<Portion> portions(1);
  std::uint64_t filled = 0;
  for (const auto& [path, bytes] : files) {
    for (std::uint64_t at = 0; at < bytes;) {
      if (filled == bytes_each) {
        portions.emplace_back();
        filled = 0;
      }
      const auto taken = std::min(bytes_each - filled, bytes - at);
      portions.back().push_back({path, at, at + taken, bytes});
      at += taken;
      filled += taken;
    }
    if (bytes >= huge_bytes) std::cout << path << ": " << (bytes >> 20) << " MiB\n";
  }
  return portions;
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void print_most_frequent(const Words& words) {
  std::vector<std::pair<std::string, std::uint64_t>> order(words.begin(), words.end());
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  order.resize(std::min(order.size(), words_shown));
  for (const auto& [word, count] : order) {
    std::printf("%12llu  %s\n", static_cast<unsigned long long>(count), word.c_str());
  }
}

int body(std::span<char*> arguments) {
  std::set<std::string> seen;
  std::vector<File> files;
  if (arguments.empty()) find_files("/usr/share/common-licenses", seen, files);
  for (const char* argument : arguments) find_files(argument, seen, files);
  if (files.empty()) {
    std::cerr << "nothing to count\n";
    return 1;
  }
  std::uint64_t bytes = 0;
  for (const auto& file : files) bytes += file.bytes;
  const auto portions = cut(files, bytes);

  auto start = Clock::now();
  mpx::Pool pool;
  Words words;
  for (const auto& part : pool.map(count_portion, portions)) add(part, words);
  const auto parallel = seconds_since(start);

  start = Clock::now();
  Words expected;
  for (const auto& file : files) count_file(file, expected);
  const auto sequential = seconds_since(start);

  std::uint64_t total = 0;
  for (const auto& [word, count] : words) total += count;
  print_most_frequent(words);
  std::cout << files.size() << " files, " << bytes << " bytes, " << total << " words, "
            << words.size() << " different\n";
  std::printf("%zu portions on %zu processes: %.3f s; in this process alone: %.3f s\n",
              portions.size(), mpx::cpu_count(), parallel, sequential);
  std::cout << "checked against a sequential count: " << (words == expected ? "equal" : "DIFFERENT")
            << std::endl;
  return words == expected ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) { return mpx::run(argc, argv, body); }
