// Objects of orders that are not what they should be: what a load says of each, and what the table holds then. One list
// for the tests of that and for the search of what they leave behind.
#pragma once

#include <string>
#include <vector>

namespace sluice::faults {

constexpr const char* orders_header = "order_id,customer\n";

// What stands in the personal field.
struct Customers {
  std::string ann = "ann";
  std::string bob = "bob";
  std::string annabel = "Annabel";
};

struct Content {
  const char* name;
  std::string bytes;
  const char* error;  // nullptr: it is loaded
  std::string table;  // afterwards
  const char* said = "";
  std::string key = "in/orders.csv";
  std::string format = "csv";
  char much_of =
      0;  // of it, so many bytes stand in the place of `@`: made by the test alone, for the list is read often
};

// The table holds "7|before" when the object comes.
std::vector<Content> wrong_contents(const Customers& customers);

// The object, with `much` in the place of `@`.
std::string bytes_of(const Content& content, const std::string& much);

}  // namespace sluice::faults
