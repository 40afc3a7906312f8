// A bit of everything that crosses from a program into the compiled libmpx, and back.
#include <boost/serialization/shared_ptr.hpp>
#include <deque>
#include <iostream>
#include <list>
#include <map>
#include <memory>
#include <mpx/mpx.hpp>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

int* volatile lost = nullptr;  // for a leak check to find

namespace {

struct Node {
  std::string name;
  std::shared_ptr<Node> parent;
  std::vector<std::string> words;
  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& name& parent& words;
  }
};

using Tables = std::pair<std::map<std::string, std::deque<int>>, std::unordered_map<int, Node>>;

void require(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}

// Alike down to the instruction: --icf=all makes one of them.
int plus_one(int x) { return x + 1; }
int also_plus_one(int x) { return x + 1; }
unsigned plus_one_unsigned(unsigned x) { return x + 1; }
long minus_one(long x) { return x - 1; }

Node child_of(const std::vector<Node>& nodes, std::set<int> numbers) {
  return {"child", nodes.at(0).parent, {std::to_string(numbers.size())}};
}

Tables twice(Tables tables) {
  for (auto& [name, row] : tables.first) row.resize(2 * row.size());
  return tables;
}

int fail(int x) {
  if (x == 3) throw mpx::BufferTooShort("too short", {std::byte{1}, std::byte{2}});
  return x;
}

void serve(mpx::Connection end, mpx::Queue<std::list<std::string>> queue, mpx::Value<int> value,
           mpx::Array<double> array) {
  end.send(std::unordered_set<std::string>{"a", "b"});
  end.send_bytes(std::vector(1000, std::byte{7}));
  queue.put({"one", "two"});
  value.fetch_add(2);
  array.write(1, std::vector{2.5});
  while (end.recv<int>() != 0) {
  }
}

void body() {
  mpx::Pool pool(2);
  require(pool.apply(plus_one, 1) == 2 && pool.apply(also_plus_one, 2) == 3, "apply");
  require(pool.apply(plus_one_unsigned, 3u) == 4 && pool.apply(minus_one, 4L) == 3, "like apply");
  require(pool.map(plus_one, {1, 2, 3}) == std::vector{2, 3, 4}, "map");
  require(pool.map(minus_one, std::list{1L}) == std::vector{0L}, "map of a list");
  require(pool.map([](int x) { return x + 1 == 2; }, {1, 2}) == std::vector{true, false}, "lambda");
  const auto parent = std::make_shared<Node>(Node{"parent", nullptr, {}});
  const auto child = pool.starmap(
      child_of, {std::pair(std::vector{Node{"a", parent, {}}, Node{}}, std::set{1, 2})});
  require(child.at(0).parent->name == "parent" && child[0].words[0] == "2", "starmap");
  const Tables tables{{{"t", {1, 2}}}, {{5, *parent}}};
  require(pool.map(twice, {tables}).at(0).first.at("t").size() == 4, "tables");
  try {
    pool.map(fail, std::deque{1, 2, 3});
    require(false, "an exception");
  } catch (const mpx::BufferTooShort& error) {
    const auto& origin = dynamic_cast<const mpx::RemoteOrigin&>(error);
    require(error.message().size() == 2 && error.message()[1] == std::byte{2}, "message()");
    require(&error.message() == &error.message() && origin.index() == 2, "index()");
  }
  std::string seen;
  pool.apply_async(plus_one, 1).then([&](int x) { seen = std::to_string(x); }).wait();

  auto [mine, other] = mpx::pipe();
  mpx::Queue<std::list<std::string>> queue(mpx::named("lists"));
  mpx::Value<int> value(40);
  mpx::Array<double> array(std::vector{0.5, 1.5});
  mpx::Process process(serve, other, queue, value, array);
  process.start();
  require(mpx::active_children().size() == 1, "active_children");
  require(mine.recv<std::unordered_set<std::string>>().contains("b"), "recv");
  require(mine.recv_bytes().size() == 1000, "recv_bytes");
  require(queue.get().back() == "two", "queue");
  mine.send(0);
  process.join();
  require(process.exit_code() == 0 && value.load() == 42 && array.load(1) == 2.5, "process");
}

}  // namespace

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [](std::span<char*> arguments) {
    if (arguments.empty()) body();
    if (!arguments.empty()) lost = new int(1);
    lost = nullptr;
    std::cout << "hello foo\n";
  });
}
