// A picture of the Mandelbrot set, in tiles that cost very different amounts of time: inside the
// set a point takes all iterations, far outside one. Pool::map shares the tiles out as processes
// become free. The last line printed tells how evenly the work was spread.
//
//   mpx-run ./07_mandelbrot [picture.png [width]]      default: mandelbrot.png 1200

#include <png.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <complex>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <mpx/mpx.hpp>
#include <numbers>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr int tile_size = 50;
constexpr int iterations = 5000;

struct Tile {
  int left = 0, top = 0, width = 0, height = 0;
  double step = 0;  // from a pixel to the next

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& left& top& width& height& step;
  }
};

struct Drawn {
  std::vector<std::uint8_t> rgb;
  int rank = 0;
  long pid = 0;
  double seconds = 0;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& rgb& rank& pid& seconds;
  }
};

/// Iterations until the point is known to be outside, with a fraction so that colours are smooth;
/// negative: inside.
double escape(std::complex<double> point) {
  double x = 0, y = 0;
  for (int n = 0; n < iterations; ++n) {
    const double xx = x * x, yy = y * y;
    if (xx + yy > 256) return n + 1 - std::log2(std::log2(xx + yy) / 2);
    y = 2 * x * y + point.imag();
    x = xx - yy + point.real();
  }
  return -1;
}

void append_colour(double escaped, std::vector<std::uint8_t>& rgb) {
  for (const double shift : {0.0, 0.12, 0.25}) {
    const double wave =
        0.5 - 0.5 * std::cos(0.35 * std::sqrt(std::max(escaped, 0.0)) * std::numbers::pi +
                             shift * std::numbers::pi);
    rgb.push_back(escaped < 0 ? 0 : static_cast<std::uint8_t>(255 * wave));
  }
}

Drawn draw(const Tile& tile) {
  const auto start = std::chrono::steady_clock::now();
  Drawn drawn;
  for (int y = 0; y < tile.height; ++y) {
    for (int x = 0; x < tile.width; ++x) {
      append_colour(escape({-2.2 + (tile.left + x) * tile.step, -1.2 + (tile.top + y) * tile.step}),
                    drawn.rgb);
    }
  }
  drawn.rank = mpx::current_process().rank.number();
  drawn.pid = ::getpid();
  drawn.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return drawn;
}

class Picture {
 public:
  Picture(int width, int height) : width_(width), height_(height), rgb_(3UL * width * height) {}

  void put(const Tile& tile, const std::vector<std::uint8_t>& rgb) {
    const std::size_t row = 3UL * tile.width;
    for (int y = 0; y < tile.height; ++y) {
      std::memcpy(&rgb_[3UL * (static_cast<std::size_t>(tile.top + y) * width_ + tile.left)],
                  &rgb[y * row], row);
    }
  }
  void write(const std::string& path) const {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = static_cast<png_uint_32>(width_);
    image.height = static_cast<png_uint_32>(height_);
    image.format = PNG_FORMAT_RGB;
    if (png_image_write_to_file(&image, path.c_str(), 0, rgb_.data(), 0, nullptr) == 0) {
      throw std::runtime_error(path + ": " + image.message);
    }
  }

 private:
  int width_, height_;
  std::vector<std::uint8_t> rgb_;
};

std::vector<Tile> tiles_of(int width, int height) {
  std::vector<Tile> tiles;
  for (int top = 0; top < height; top += tile_size) {
    for (int left = 0; left < width; left += tile_size) {
      tiles.push_back({left, top, std::min(tile_size, width - left),
                       std::min(tile_size, height - top), 3.2 / width});
    }
  }
  return tiles;
}

int body(std::span<char*> arguments) {
  const std::string path = arguments.empty() ? "mandelbrot.png" : arguments[0];
  const int width = arguments.size() < 2 ? 1200 : std::atoi(arguments[1]);
  if (arguments.size() > 2 || width < 1 || width > 30'000) {
    std::cerr << "usage: 07_mandelbrot [picture.png [width, 1 to 30000]]\n";
    return 2;
  }
  const int height = std::max(1, width * 3 / 4);
  const auto tiles = tiles_of(width, height);
  Picture picture(width, height);

  const auto start = std::chrono::steady_clock::now();
  mpx::Pool pool;
  const auto drawn = pool.map(draw, tiles, {.chunk_size = 1});
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;

  struct Share {
    int tiles = 0;
    double seconds = 0;
  };
  std::map<std::pair<int, long>, Share> by_process;  // by rank and pid
  std::set<int> ranks;
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    picture.put(tiles[i], drawn[i].rgb);
    ranks.insert(drawn[i].rank);
    auto& share = by_process[{drawn[i].rank, drawn[i].pid}];
    ++share.tiles;
    share.seconds += drawn[i].seconds;
  }
  picture.write(path);

  std::vector<Share> shares;
  for (const auto& [who, share] : by_process) shares.push_back(share);
  const auto [quick, slow] = std::ranges::minmax(drawn, {}, &Drawn::seconds);
  const auto [few, many] = std::ranges::minmax(shares, {}, &Share::tiles);
  const auto [brief, lengthy] = std::ranges::minmax(shares, {}, &Share::seconds);
  std::printf("%s: %d x %d pixels, %zu tiles of %.2f to %.2f ms, in %.2f s\n", path.c_str(), width,
              height, tiles.size(), quick.seconds * 1000, slow.seconds * 1000, took.count());
  std::printf("each of %zu processes (ranks: %zu) drew %d to %d tiles in %.2f to %.2f s\n",
              shares.size(), ranks.size(), few.tiles, many.tiles, brief.seconds, lengthy.seconds);
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return mpx::run(argc, argv, body); }
