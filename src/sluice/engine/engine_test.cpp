#include <gtest/gtest.h>
#include <iostream>
#include "sluice/engine/transform.hpp"
namespace sluice::engine { namespace {
Record logins() { Record r; r.fields={{.name="user_id",.type={Kind::text},.max=128},{.name="ip",.type={Kind::text}},{.name="n",.type={Kind::int32},.nullable=true}}; return r; }
TEST(Probe, x) {
  auto engine = Engine::open({.run_micros=1000000LL*86400*365});
  ASSERT_TRUE(engine) << engine.error().text();
  for (const char* sql : {"select user_id, upper(ip) as ip, n+1 as n, run_date() as d, receive_count from input", "select * from input where n > 1", "with a as (select * from input) select * from a", "select count(*) from input", "select user_id from input order by 1 ", "select unnest([1,2,3]) as u, user_id from input","select a from input","select user_id\nfrom inputx","select * from read_text('/etc/passwd')", "select (select max(n) from input) from input", "selekt 1", "select * from duckdb_extensions()", "select {'a': n} as s, ip::int as ip from input","select user_id, sent_at::date as d, rowid from input"}) {
    auto t = open_transform(**engine, {logins(), sql, {"x.yaml", 10, 1}});
    if (!t) { std::cerr << sql << " -> " << t.error().text() << "\n"; continue; }
    Delivery d; std::string pad(64,' ');
    std::vector<std::string> bodies{R"({"user_id":"u1","ip":"1","n":1})",R"({"ip":"1.2.3.4.5.6.7.8.9.0","user_id":"u2","n":null})",R"({"user_id":"u3","ip":"7","n":5,"x":[1,{"a":"b"}]})"};
    for (auto& b : bodies) { b += pad; Message m; m.body = std::string_view(b).substr(0,b.size()-64); m.attributes="{}"; d.messages.push_back(m);}    
    auto r = (*t)->apply(d);
    if (!r) { std::cerr << sql << " => " << r.error().text() << "\n"; continue; }
    std::cerr << sql << " ok batches " << r->batches.size() << " rejects " << r->rejects.size();
    for (auto& b : r->batches) { std::cerr << " rows " << b.rows << " origins"; for (size_t i=0;i<b.rows;++i) std::cerr << ' ' << b.origin[i]; for (auto& f : *b.schema) std::cerr << " | " << f.name << ":" << to_string(f.type);}  
    for (auto& x : r->rejects) std::cerr << " reject " << x.message << x.reason << x.column;
    std::cerr << "\n";
  }
}
}}
