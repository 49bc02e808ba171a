// The shop's files, made from a seed: orders, reviews and shipments with the traits of a real day's files, and the four
// tables that its warehouse has of its own. No real data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace sluice::demo {

struct ShopSize {
  std::size_t orders = 10000;
  std::size_t reviews = 7236;
};

// File name -> CSV, always the same for one seed and size. orders.csv ends without a line end; two thirds of the
// shipments have neither date and a tenth only the first one; reviews repeat; the last order is of 2022-09-05.
std::map<std::string, std::string> shop_files(ShopSize size, std::uint32_t seed);

// dim_dates.csv (2021 and 2022), dim_products.csv, dim_customers.csv, dim_addresses.csv.
std::map<std::string, std::string> shop_dimensions();

}  // namespace sluice::demo
