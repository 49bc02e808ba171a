#include "sluice/scan/labelled.hpp"

#include "sluice/scan/labelled_kinds.hpp"

namespace sluice::scan {

void make_columns(std::uint64_t seed, std::size_t count, const std::function<void(const LabelledColumn&)>& each) {
  int weights = 0;
  for (const KindRow& row : kinds()) weights += row.weight;
  Random random(seed);
  for (std::size_t i = 0; i < count; ++i) {
    int left = random.between(1, weights);
    std::size_t at = 0;
    while ((left -= kinds()[at].weight) > 0) ++at;
    const KindRow& row = kinds()[at];
    LabelledColumn column{std::string(row.kind), std::string(row.tag), {}, {}, {}};
    column.named = random.one_in(3) ? Named::vaguely : Named::well;
    column.name = column.named == Named::well ? random.pick(row.names)
                                              : random.pick("value|data|info|field_|col|c|attr|x_|key|v|column|param") +
                                                    random.digits(random.between(0, 2));
    if (random.one_in(6)) {
      for (char& c : column.name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    }
    const int style = random.between(0, 3);
    const int rows = random.one_in(10) ? random.between(1, 9) : random.between(10, 150);
    const int empty_in = random.between(2, 20);
    const int junk_in = random.one_in(4) ? random.between(10, 40) : 100000;  // some columns are not clean
    for (int row_number = 0; row_number < rows; ++row_number) {
      const bool again = !column.values.empty() && random.one_in(8);
      if (random.one_in(empty_in)) {
        column.values.push_back(random.pick("|N/A|-|null"));
      } else if (random.one_in(junk_in)) {
        column.values.push_back(random.pick("see notes|TODO|x|test|123"));
      } else {
        column.values.push_back(again ? column.values[random.next() % column.values.size()] : row.value(random, style));
      }
    }
    each(column);
  }
}

Measured measure(std::uint64_t seed, std::size_t count) {
  Measured out;
  make_columns(seed, count, [&](const LabelledColumn& made) {
    Column column(made.name);
    for (const std::string& value : made.values) column.add(value);
    const std::string proposed(column.judge().tag());
    const bool right = proposed == made.tag;
    Measured::Count& kind = (made.named == Named::well ? out.well : out.vaguely)[made.kind];
    out.tags[made.kind] = made.tag;
    ++kind.columns;
    if (right) {
      ++kind.right;
    } else {
      ++kind.wrong[proposed];
      std::string name = made.name;
      for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
      ++kind.names[name];
    }
    if (!proposed.empty()) ++out.proposed;
    if (made.tag.empty()) return;
    ++out.personal;
    if (right) ++out.found;
    if (!proposed.empty()) ++out.tagged;
  });
  return out;
}

}  // namespace sluice::scan
