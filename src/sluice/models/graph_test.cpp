#include "sluice/models/graph.hpp"

#include <gtest/gtest.h>

#include "sluice/models/sql_text.hpp"

namespace sluice::models {
namespace {

GraphTable table(const std::string& text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string::npos) return {"w", {"", text}, "mart"};
  return {"w", {text.substr(0, dot), text.substr(dot + 1)}, "mart"};
}

Step step(const std::string& name, const std::vector<std::string>& reads, const std::string& writes) {
  Step made{name, writes.starts_with("mart") ? "model" : "flow", {name + ".sql", 1, 1}};
  for (const std::string& read : reads) made.reads.push_back(table(read));
  made.writes.push_back(table(writes));
  return made;
}

std::string order(const std::vector<Step>& steps, const std::vector<std::string>& selectors = {}) {
  const auto graph = Graph::make(steps);
  if (!graph) return graph.error().text();
  const auto chosen = graph->select(selectors);
  if (!chosen) return chosen.error().text();
  std::string out;
  for (const std::size_t i : graph->order()) {
    if ((*chosen)[i]) out += (out.empty() ? "" : " ") + graph->steps()[i].name;
  }
  return out;
}

const std::vector<Step> shop{step("summary", {"daily", "raw.orders"}, "mart.summary"),
                             step("daily", {"RAW.Orders", "dim.dates"}, "mart.daily"), step("orders", {}, "raw.orders"),
                             step("other", {}, "mart.other")};

TEST(graph, a_step_comes_behind_those_whose_tables_it_reads) {
  EXPECT_EQ(order(shop), "orders daily summary other");
  EXPECT_EQ(order({step("b", {"public.t"}, "mart.b"), step("a", {}, "t")}), "a b");
}

TEST(graph, a_table_at_home_hides_one_elsewhere) {
  EXPECT_EQ(order({step("reader", {"t"}, "mart.reader"), step("far", {"x"}, "t"), step("near", {}, "mart.t")}),
            "far near reader");
  const auto graph =
      Graph::make({step("reader", {"t"}, "mart.reader"), step("far", {}, "public.t"), step("near", {}, "mart.t")});
  ASSERT_TRUE(graph);
  EXPECT_EQ(graph->waits_for(0), std::vector<std::size_t>{2});
}

TEST(graph, a_selector_that_names_nothing_is_an_error_and_not_a_run_of_nothing) {
  for (const char* nothing : {"", " ", ","})
    EXPECT_NE(order(shop, {nothing}).find("nothing is named to select"), std::string::npos) << nothing;
}

TEST(graph, a_step_with_the_name_of_an_export_is_told_so) {
  Step out{"daily", "export", {"shop.yaml", 9, 3}};
  const auto graph = Graph::make({out, step("daily", {}, "mart.daily")});
  ASSERT_FALSE(graph);
  EXPECT_NE(graph.error().message.find("has the name of an export"), std::string::npos) << graph.error().text();
}

TEST(graph, a_table_that_is_read_twice_is_told_once) {
  const auto graph = Graph::make({step("a", {"dim.dates", "DIM.Dates", "dim.dates"}, "mart.a")});
  ASSERT_TRUE(graph);
  const std::string text = graph->text();
  EXPECT_EQ(text.find("dim.dates"), text.rfind("dim.dates")) << text;
  EXPECT_EQ(text.find("DIM.Dates"), std::string::npos) << text;
}

TEST(graph, another_connection_is_another_table) {
  Step far = step("far", {}, "raw.orders");
  far.writes[0].connection = "elsewhere";
  const auto graph = Graph::make({step("reader", {"raw.orders"}, "mart.reader"), far});
  ASSERT_TRUE(graph);
  EXPECT_TRUE(graph->waits_for(0).empty());
}

TEST(graph, shows_a_cycle) {
  EXPECT_EQ(order({step("a", {"c"}, "mart.a"), step("b", {"a"}, "mart.b"), step("c", {"b"}, "mart.c"),
                   step("d", {"c"}, "mart.d")}),
            "a.sql:1:1: a cycle: a reads c reads b reads a; one of them must read another table");
  EXPECT_EQ(order({step("a", {"a"}, "mart.a")}), "a.sql:1:1: a cycle: a reads a; one of them must read another table");
  Step own = step("a", {"a"}, "mart.a");
  own.reads_itself = true;
  EXPECT_EQ(order({own}), "a");
}

TEST(graph, refuses_two_of_one_name) {
  EXPECT_EQ(order({step("a", {}, "mart.a"), step("A", {}, "x")}),
            "A.sql:1:1: flow 'A' has the name of a model, see a.sql:1:1; rename one of them");
}

TEST(graph, selects_a_step_with_what_it_needs_or_feeds) {
  EXPECT_EQ(order(shop, {"daily"}), "daily");
  EXPECT_EQ(order(shop, {"daily+"}), "daily summary");
  EXPECT_EQ(order(shop, {"+daily"}), "orders daily");
  EXPECT_EQ(order(shop, {"+daily+ other"}), "orders daily summary other");
  EXPECT_EQ(order(shop, {"orders", "other"}), "orders other");
  EXPECT_EQ(order(shop, {"dayly+"}), "there is no flow or model 'dayly' to select; did you mean 'daily'?");
}

TEST(graph, is_drawn_as_text_and_for_graphviz) {
  const auto graph = Graph::make(shop);
  ASSERT_TRUE(graph);
  EXPECT_EQ(graph->text(),
            "  flow orders -> w.raw.orders\n"
            "  orders, w.dim.dates -> model daily -> w.mart.daily\n"
            "  daily, orders -> model summary -> w.mart.summary\n"
            "  model other -> w.mart.other\n");
  const std::string dot = graph->dot("shop");
  EXPECT_NE(dot.find("\"orders\" -> \"daily\";"), std::string::npos) << dot;
  EXPECT_NE(dot.find("\"w.dim.dates\" [shape=cylinder];"), std::string::npos) << dot;
}

TEST(sql_text, a_semicolon_at_the_end_is_left_out) {
  EXPECT_EQ(without_semicolon("select ';' ; -- done\n"), "select ';' ");
  EXPECT_EQ(without_semicolon("select 1 -- ;"), "select 1 -- ;");
  EXPECT_EQ(without_semicolon(" -- nothing\n /* at all */ "), "");
  EXPECT_EQ(without_semicolon("select 1; select 2;"), "select 1; select 2");
}

}  // namespace
}  // namespace sluice::models
