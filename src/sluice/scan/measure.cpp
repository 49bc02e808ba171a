// Prints how well `sluice scan` does on columns made from a seed: recall, precision and every kind of miss.
#include <cstdio>
#include <cstdlib>

#include "sluice/scan/labelled.hpp"

namespace {

using sluice::scan::Measured;

void print_kinds(const Measured& measured, bool personal) {
  std::printf("\n| %-28s | %-11s | %-14s | %-14s | misses: proposed instead |\n", personal ? "kind" : "not personal",
              "tag", personal ? "well named" : "left alone", "vaguely named");
  std::printf("| --- | --- | ---: | ---: | --- |\n");
  for (const auto& [kind, tag] : measured.tags) {
    if (tag.empty() == personal) continue;
    Measured::Count sum;
    std::printf("| %-28s | %-11s |", kind.c_str(), tag.c_str());
    for (const auto* named : {&measured.well, &measured.vaguely}) {
      const auto found = named->find(kind);
      const Measured::Count count = found == named->end() ? Measured::Count{} : found->second;
      std::printf(" %6llu / %5llu |", static_cast<unsigned long long>(count.right),
                  static_cast<unsigned long long>(count.columns));
      for (const auto& [wrong, times] : count.wrong) sum.wrong[wrong] += times;
    }
    const char* between = " ";
    for (const auto& [wrong, times] : sum.wrong) {
      std::printf("%s%s %llu", between, wrong.empty() ? "nothing" : wrong.c_str(),
                  static_cast<unsigned long long>(times));
      between = ", ";
    }
    std::printf(" |\n");
  }
}

// What a better list of words could find.
void print_names(const Measured& measured) {
  std::printf("\n| kind, well named | names of the columns that were taken wrongly |\n| --- | --- |\n");
  for (const auto& [kind, count] : measured.well) {
    if (count.names.empty()) continue;
    std::printf("| %s |", kind.c_str());
    const char* between = " ";
    for (const auto& [name, times] : count.names) {
      std::printf("%s`%s` %llu", between, name.c_str(), static_cast<unsigned long long>(times));
      between = ", ";
    }
    std::printf(" |\n");
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t seed = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1;
  const std::size_t count = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 10000;
  const Measured measured = sluice::scan::measure(seed, count);
  std::printf("seed %llu, %zu columns, %llu of them personal\n", static_cast<unsigned long long>(seed), count,
              static_cast<unsigned long long>(measured.personal));
  std::printf("recall    %.3f (the right tag), %.3f (any tag)\n", measured.recall(),
              static_cast<double>(measured.tagged) / static_cast<double>(measured.personal));
  std::printf("precision %.3f (%llu proposals)\n", measured.precision(),
              static_cast<unsigned long long>(measured.proposed));
  print_kinds(measured, true);
  print_kinds(measured, false);
  print_names(measured);
  return 0;
}
