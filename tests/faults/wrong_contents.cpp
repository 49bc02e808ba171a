#include "wrong_contents.hpp"

namespace sluice::faults {

std::vector<Content> wrong_contents(const Customers& customers) {
  const std::string header = orders_header;
  const std::string before = "7|before";
  const auto& [ann, bob, annabel] = customers;
  const std::string packed("\x1f\x8b\x08\0\0\0\0\0\0\x03\xcb\x2f\x4a\x49\x2d", 15);  // the beginning of "order_id..."
  const std::string parquet = std::string("PAR1\x15") + std::string(200, 'x');
  return {
      {"nothing", "", "the object is empty, not even a header is there", before},
      {"a_header_alone", header, "in/orders.csv would leave 0 rows in the table", before},
      {"another_order", "customer,order_id\n" + ann + ",1\n", nullptr, "1|" + ann},
      {"more_columns", "a,order_id,b,customer\nx,1,y," + ann + "\n", nullptr, "1|" + ann},
      {"a_missing_column", "order_id\n1\n", "the header has no column customer; it has 1 column", before},
      {"a_renamed_column", "order_id,kustomer\n1," + ann + "\n",
       "the header has no column customer; it has 2 columns, among them kustomer", before},
      {"a_column_twice", "order_id,customer,order_id\n1," + ann + ",2\n", "the header has column order_id twice",
       before},
      {"no_header", "1," + annabel + "\n2," + bob + "\n",
       "the header has no column order_id, customer; it has 2 columns;", before},
      {"an_open_quote", header + "1," + ann + "\n2,\"" + bob + "\n3,cy\n", "line 3: a quote is opened and never closed",
       before},
      {"a_line_of_50_mib", header + "1,@\n2," + bob + "\n", nullptr, "2|" + bob, "body_too_large", "in/orders.csv",
       "csv", 'y'},
      {"a_quoted_line_of_50_mib", header + "1,\"@\"\n2," + bob + "\n", nullptr, "2|" + bob, "body_too_large",
       "in/orders.csv", "csv", '\n'},
      {"a_header_of_50_mib", "@\n1," + ann + "\n", "the first line is no header", before, "", "in/orders.csv", "csv",
       'h'},
      {"bytes_that_are_not_utf8", header + "1," + ann + "\xff\xfe\n2," + bob + "\n", nullptr, "2|" + bob, "not_utf8"},
      {"a_header_that_is_not_utf8", "order_id,custome\xff\n1," + ann + "\n",
       "the header has no column customer; it has 2 columns;", before},
      {"packed_bytes_cut_off", packed, "cut off", before, "", "in/orders.csv.gz"},
      {"zstd_bytes_cut_off", std::string("\x28\xb5\x2f\xfd\x04\x58\x91", 7), "the zstd data is cut off", before, "",
       "in/orders.csv.zst"},
      {"packed_bytes_that_are_none", header + "1," + ann + "\n", "orders.csv.gz: ", before, "", "in/orders.csv.gz"},
      {"packed_bytes_under_another_key", packed, "the object is gzip data, as it begins", before},
      {"zstd_bytes_under_another_key", std::string("\x28\xb5\x2f\xfd\x04\x58\x91", 7),
       "the object is zstd data, as it begins", before},
      {"parquet_taken_for_csv", parquet, "the object is Parquet, as it begins", before},
      {"utf16", std::string("\xff\xfe") + "o\0r\0d\0", "the object is UTF-16, as it begins", before},
      {"parquet_cut_off", parquet, "it is no Parquet file, or it is cut off", before, "", "in/a.parquet", "parquet"},
  };
}

std::string bytes_of(const Content& content, const std::string& much) {
  std::string bytes = content.bytes;
  if (content.much_of != 0) bytes.replace(bytes.find('@'), 1, much);
  return bytes;
}

}  // namespace sluice::faults
