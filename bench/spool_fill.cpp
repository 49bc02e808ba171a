// Puts the lines of standard input into a spool folder as messages: spool_fill DIR
#include <iostream>

#include "sluice/local/spool.hpp"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: spool_fill DIR\n";
    return 2;
  }
  sluice::Settings settings;
  settings.values.emplace("spool", sluice::Setting{argv[1], {}, {}});
  const auto queue = sluice::local::open_spool(settings, sluice::system_clock());
  const auto fail = [](const sluice::Error& error) {
    std::cerr << error.text() << '\n';
    return 1;
  };
  if (!queue) return fail(queue.error());
  if (const auto there = (*queue)->facts(std::chrono::seconds(1)); !there) return fail(there.error());
  std::vector<std::string> bodies;
  for (std::string line; std::getline(std::cin, line);) bodies.push_back(std::move(line));
  if (const auto sent = (*queue)->send(bodies); !sent) return fail(sent.error());
  return 0;
}
