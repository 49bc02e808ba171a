#include "sluice/demo/shop_data.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "sluice/demo/data.hpp"

namespace sluice::demo {
namespace {

constexpr unsigned products = 25;
constexpr unsigned customers = 25;
constexpr Day first_day = day(2021, 1, 1);
constexpr Day last_day = day(2022, 9, 5);

constexpr std::array holidays{
    day(2021, 1, 1),  day(2021, 3, 29), day(2021, 4, 1), day(2021, 8, 16), day(2021, 10, 1), day(2021, 11, 1),
    day(2022, 2, 14), day(2022, 3, 29), day(2022, 4, 1), day(2022, 7, 4),  day(2022, 8, 30),
};

// Shipped one to six days after the order, delivered one to three days after that, or not yet.
std::string shipment(std::size_t id, Day ordered, Random& random) {
  std::string shipped;
  std::string delivered;
  if (random.chance(3243)) {
    const Day left = ordered + std::chrono::days(random.between(1U, 6U));
    shipped = iso(left);
    if (random.chance(6775)) delivered = iso(left + std::chrono::days(random.between(1U, 3U)));
  }
  return fmt::format("{},{},{},{}\n", id, id, shipped, delivered);
}

std::string dates_csv() {
  std::string csv = "calendar_dt,year_num,month_of_the_year_num,day_of_the_month_num,day_of_the_week_num,working_day\n";
  for (Day date = day(2021, 1, 1); date <= day(2022, 12, 31); date += std::chrono::days(1)) {
    const std::chrono::year_month_day parts(date);
    const unsigned weekday = std::chrono::weekday(date).iso_encoding();  // Monday 1 ... Sunday 7
    const bool working = weekday <= 5 && std::ranges::find(holidays, date) == holidays.end();
    csv += fmt::format("{},{},{},{},{},{}\n", iso(date), static_cast<int>(parts.year()),
                       static_cast<unsigned>(parts.month()), static_cast<unsigned>(parts.day()), weekday, working);
  }
  return csv;
}

}  // namespace

std::map<std::string, std::string> shop_files(ShopSize size, std::uint32_t seed) {
  Random random(seed);
  std::string orders = "order_id,customer_id,order_date,product_id,unit_price,quantity,total_price\n";
  std::string shipments = "shipment_id,order_id,shipment_date,delivery_date\n";
  for (std::size_t id = 1; id <= size.orders; ++id) {
    const unsigned customer = random.between(1U, customers);
    const Day ordered = id == size.orders ? last_day : random.between(first_day, last_day);
    const unsigned product = random.between(1U, products);
    const unsigned price = random.between(50U, 1000U);
    const unsigned quantity = random.between(1U, 10U);
    orders +=
        fmt::format("{},{},{},{},{},{},{}\n", id, customer, iso(ordered), product, price, quantity, price * quantity);
    shipments += shipment(id, ordered, random);
  }
  orders.pop_back();
  std::string reviews = "review,product_id\n";
  for (std::size_t i = 0; i < size.reviews; ++i) {
    const unsigned stars = random.between(1U, 5U);
    const unsigned product = random.between(1U, products);
    reviews += fmt::format("{},{}\n", stars, product);
  }
  return {{"orders.csv", std::move(orders)},
          {"reviews.csv", std::move(reviews)},
          {"shipment_deliveries.csv", std::move(shipments)}};
}

std::map<std::string, std::string> shop_dimensions() {
  constexpr std::array<std::string_view, 5> categories{"kitchen", "garden", "office", "toys", "sport"};
  std::string product_rows = "product_id,product_category,product_name\n";
  for (unsigned id = 1; id <= products; ++id)
    product_rows += fmt::format("{},{},Product {}\n", id, categories[id % categories.size()], id);
  std::string customer_rows = "customer_id,customer_name,postal_code\n";
  std::string address_rows = "postal_code,country,region,state,address\n";
  for (unsigned id = 1; id <= customers; ++id) {
    customer_rows += fmt::format("{},Customer {},{}\n", id, id, 10000 + id);
    address_rows += fmt::format("{},Nowhere,Region {},State {},{} High Street\n", 10000 + id, id % 4, id % 8, id);
  }
  return {{"dim_dates.csv", dates_csv()},
          {"dim_products.csv", std::move(product_rows)},
          {"dim_customers.csv", std::move(customer_rows)},
          {"dim_addresses.csv", std::move(address_rows)}};
}

}  // namespace sluice::demo
