#include "sluice/schedule/schedule.hpp"

#include <gtest/gtest.h>

namespace sluice::schedule {
namespace {

using namespace std::chrono;

// "2024-03-31T00:59:59Z"
SystemTime at(const std::string& text) {
  const auto number = [&text](std::size_t from, std::size_t length) { return std::stoi(text.substr(from, length)); };
  const sys_days day = year(number(0, 4)) / month(static_cast<unsigned>(number(5, 2))) /
                       std::chrono::day(static_cast<unsigned>(number(8, 2)));
  return day + hours(number(11, 2)) + minutes(number(14, 2)) + seconds(number(17, 2));
}

Schedule cron(const std::string& line, const std::string& zone = "UTC") {
  Schedule schedule;
  auto parsed = parse_cron(line);
  EXPECT_TRUE(parsed) << line << ": " << parsed.error().text();
  if (parsed) schedule.cron = *parsed;
  auto found = Zone::find(zone);
  EXPECT_TRUE(found) << zone;
  if (found) schedule.zone = *found;
  return schedule;
}

struct Case {
  const char* line;
  const char* zone;
  const char* after;
  std::vector<std::string> due;  // one after the other
};

TEST(Schedule, is_next_due_as_the_table_says) {
  const Case cases[] = {
      // Fields.
      {"15 6 * * *", "UTC", "2024-01-01T06:14:59Z", {"2024-01-01T06:15:00Z", "2024-01-02T06:15:00Z"}},
      {"15 6 * * *", "UTC", "2024-01-01T06:15:00Z", {"2024-01-02T06:15:00Z"}},
      {"*/20 * * * *", "UTC", "2024-12-31T23:30:01Z", {"2024-12-31T23:40:00Z", "2025-01-01T00:00:00Z"}},
      {"5-59/20 8-10/2 * * *", "UTC", "2024-01-01T08:30:00Z", {"2024-01-01T08:45:00Z", "2024-01-01T10:05:00Z"}},
      {"0,30 1,13 * * *", "UTC", "2024-01-01T01:00:00Z", {"2024-01-01T01:30:00Z", "2024-01-01T13:00:00Z"}},
      {"0 0 29 2 *", "UTC", "2024-02-29T00:00:00Z", {"2028-02-29T00:00:00Z"}},
      {"0 0 29 2 *", "UTC", "2097-01-01T00:00:00Z", {"2104-02-29T00:00:00Z"}},  // 2100 has none
      {"0 0 31 * *", "UTC", "2024-01-31T00:00:00Z", {"2024-03-31T00:00:00Z", "2024-05-31T00:00:00Z"}},
      {"0 0 * jan,JUL *", "UTC", "2024-01-31T12:00:00Z", {"2024-07-01T00:00:00Z"}},
      {"  0\t12 * * mon-fri ", "UTC", "2024-03-01T12:00:00Z", {"2024-03-04T12:00:00Z"}},  // a Friday
      {"0 12 * * fri-sun", "UTC", "2024-03-02T12:00:00Z", {"2024-03-03T12:00:00Z", "2024-03-08T12:00:00Z"}},
      {"0 12 * * 7", "UTC", "2024-03-02T00:00:00Z", {"2024-03-03T12:00:00Z"}},
      {"0 12 * * 5-7", "UTC", "2024-03-02T12:00:00Z", {"2024-03-03T12:00:00Z", "2024-03-08T12:00:00Z"}},
      {"@hourly", "UTC", "2024-01-01T00:00:00Z", {"2024-01-01T01:00:00Z"}},
      {"@Daily", "UTC", "2024-01-01T00:00:00Z", {"2024-01-02T00:00:00Z"}},
      {"@weekly", "UTC", "2024-01-01T00:00:00Z", {"2024-01-07T00:00:00Z"}},
      {"@monthly", "UTC", "2024-01-01T00:00:00Z", {"2024-02-01T00:00:00Z"}},
      {"@yearly", "UTC", "2024-01-01T00:00:00Z", {"2025-01-01T00:00:00Z"}},
      // Two restricted day fields: either. One that begins with *: both.
      {"0 0 13 * fri", "UTC", "2024-09-06T00:00:00Z", {"2024-09-13T00:00:00Z", "2024-09-20T00:00:00Z"}},
      {"0 0 13 * fri", "UTC", "2024-10-11T00:00:00Z", {"2024-10-13T00:00:00Z", "2024-10-18T00:00:00Z"}},
      {"0 0 */2 * fri", "UTC", "2024-03-01T00:00:00Z", {"2024-03-15T00:00:00Z"}},  // the 8th is even, and so left out
      {"0 0 13 * *", "UTC", "2024-09-13T00:00:00Z", {"2024-10-13T00:00:00Z"}},
      // A zone.
      {"15 6 * * *", "Europe/Tallinn", "2024-01-01T00:00:00Z", {"2024-01-01T04:15:00Z"}},
      {"15 6 * * *", "Europe/Tallinn", "2024-07-01T00:00:00Z", {"2024-07-01T03:15:00Z"}},
      {"30 0 * * *", "Asia/Kolkata", "2024-07-01T00:00:00Z", {"2024-07-01T19:00:00Z"}},
      {"0 1 * * *", "Pacific/Kiritimati", "2024-07-01T00:00:00Z", {"2024-07-01T11:00:00Z"}},
      // Forward, Tallinn: 03:00 becomes 04:00 at 01:00Z. What does not exist is due right after the gap, once.
      {"30 3 * * *", "Europe/Tallinn", "2024-03-30T12:00:00Z", {"2024-03-31T01:00:00Z", "2024-04-01T00:30:00Z"}},
      {"0 3 * * *", "Europe/Tallinn", "2024-03-30T12:00:00Z", {"2024-03-31T01:00:00Z", "2024-04-01T00:00:00Z"}},
      {"*/15 3 * * *", "Europe/Tallinn", "2024-03-30T12:00:00Z", {"2024-03-31T01:00:00Z", "2024-04-01T00:00:00Z"}},
      {"0 3,4 * * *", "Europe/Tallinn", "2024-03-30T12:00:00Z", {"2024-03-31T01:00:00Z", "2024-04-01T00:00:00Z"}},
      {"30 3 * * *", "Europe/Tallinn", "2024-03-31T01:00:00Z", {"2024-04-01T00:30:00Z"}},
      {"30 2 * * *", "Europe/Tallinn", "2024-03-30T12:00:00Z", {"2024-03-31T00:30:00Z"}},
      {"0 4 * * *", "Europe/Tallinn", "2024-03-30T12:00:00Z", {"2024-03-31T01:00:00Z"}},
      {"30 2 * * *", "America/New_York", "2024-03-09T12:00:00Z", {"2024-03-10T07:00:00Z", "2024-03-11T06:30:00Z"}},
      {"30 3 31 3 *", "Europe/Tallinn", "2024-01-01T00:00:00Z", {"2024-03-31T01:00:00Z", "2025-03-31T00:30:00Z"}},
      // Midnight that does not exist.
      {"0 0 * * *", "America/Asuncion", "2023-09-30T12:00:00Z", {"2023-10-01T04:00:00Z", "2023-10-02T03:00:00Z"}},
      // Back, Tallinn: 04:00 becomes 03:00 at 01:00Z. What occurs twice is due the first time, once.
      {"30 3 * * *", "Europe/Tallinn", "2024-10-26T12:00:00Z", {"2024-10-27T00:30:00Z", "2024-10-28T01:30:00Z"}},
      {"30 3 * * *", "Europe/Tallinn", "2024-10-27T00:30:00Z", {"2024-10-28T01:30:00Z"}},
      {"30 3 * * *", "Europe/Tallinn", "2024-10-27T01:10:00Z", {"2024-10-28T01:30:00Z"}},  // within the second time
      {"0 3 * * *", "Europe/Tallinn", "2024-10-26T12:00:00Z", {"2024-10-27T00:00:00Z", "2024-10-28T01:00:00Z"}},
      {"0 4 * * *", "Europe/Tallinn", "2024-10-26T12:00:00Z", {"2024-10-27T02:00:00Z", "2024-10-28T02:00:00Z"}},
      {"30 1 * * *", "America/New_York", "2024-11-02T12:00:00Z", {"2024-11-03T05:30:00Z", "2024-11-04T06:30:00Z"}},
      // Half an hour, Lord Howe: 02:00 becomes 02:30 at 15:30Z, and 02:00 becomes 01:30 at 15:00Z.
      {"15 2 * * *", "Australia/Lord_Howe", "2024-10-05T10:00:00Z", {"2024-10-05T15:30:00Z", "2024-10-06T15:15:00Z"}},
      {"45 1 * * *", "Australia/Lord_Howe", "2024-04-06T10:00:00Z", {"2024-04-06T14:45:00Z", "2024-04-07T15:15:00Z"}},
      // A whole day that was left out, at the end of 2011.
      {"0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z", {"2011-12-30T10:00:00Z", "2012-12-29T22:00:00Z"}},
      // Of every hour: by elapsed time.
      {"*/30 * * * *", "Europe/Tallinn", "2024-03-31T00:00:00Z", {"2024-03-31T00:30:00Z", "2024-03-31T01:00:00Z"}},
      {"30 * * * *", "Europe/Tallinn", "2024-03-31T00:30:00Z", {"2024-03-31T01:30:00Z"}},
      {"30 * * * *",
       "Europe/Tallinn",
       "2024-10-26T23:40:00Z",
       {"2024-10-27T00:30:00Z", "2024-10-27T01:30:00Z", "2024-10-27T02:30:00Z"}},
      {"30 * 27 10 *", "Europe/Tallinn", "2024-10-27T21:40:00Z", {"2025-10-26T22:30:00Z"}},
  };
  for (const Case& one : cases) {
    const Schedule schedule = cron(one.line, one.zone);
    SystemTime time = at(one.after);
    for (const std::string& due : one.due) {
      time = next_after(schedule, time);
      EXPECT_EQ(utc_text(time), due) << one.line << " in " << one.zone << " after " << one.after;
    }
  }
}

TEST(Schedule, is_due_once_a_day_all_through_the_years) {
  for (const char* zone : {"Europe/Tallinn", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo"}) {
    for (const char* line : {"0 0 * * *", "30 1 * * *", "15 2 * * *", "30 2 * * *", "30 3 * * *"}) {
      const Schedule schedule = cron(line, zone);
      int fires = 0;
      for (SystemTime time = at("2015-01-01T12:00:00Z"); time < at("2025-01-01T12:00:00Z"); ++fires) {
        const SystemTime next = next_after(schedule, time);
        ASSERT_GT(next, time);
        time = next;
      }
      EXPECT_EQ(fires, 3653 + 1) << line << " in " << zone;
    }
  }
}

TEST(Schedule, every_so_often_is_due_at_multiples_that_all_servers_agree_on) {
  Schedule schedule;
  schedule.every = seconds(30);
  EXPECT_EQ(utc_text(next_after(schedule, at("2024-01-01T00:00:00Z"))), "2024-01-01T00:00:30Z");
  EXPECT_EQ(utc_text(next_after(schedule, at("2024-01-01T00:00:29Z"))), "2024-01-01T00:00:30Z");
  EXPECT_EQ(utc_text(next_after(schedule, at("2024-01-01T00:00:31Z"))), "2024-01-01T00:01:00Z");
  EXPECT_EQ(last_due(schedule, at("2024-01-01T00:00:00Z"), at("2024-01-01T00:00:29Z")), std::nullopt);
  EXPECT_EQ(last_due(schedule, at("2020-01-01T00:00:00Z"), at("2024-01-01T00:00:59Z")), at("2024-01-01T00:00:30Z"));
}

TEST(Schedule, of_times_that_were_missed_the_last_is_due) {
  const Schedule daily = cron("15 6 * * *", "Europe/Tallinn");
  EXPECT_EQ(last_due(daily, at("2024-01-01T04:15:00Z"), at("2024-01-02T04:14:59Z")), std::nullopt);
  EXPECT_EQ(last_due(daily, at("2024-01-01T04:15:00Z"), at("2024-01-02T04:15:00Z")), at("2024-01-02T04:15:00Z"));
  EXPECT_EQ(last_due(daily, at("2024-01-01T04:15:00Z"), at("2024-01-09T00:00:00Z")), at("2024-01-08T04:15:00Z"));
  EXPECT_EQ(last_due(cron("* * * * *"), at("2000-01-01T00:00:00Z"), at("2024-01-09T00:00:30Z")),
            at("2024-01-09T00:00:00Z"));
  EXPECT_EQ(last_due(cron("0 0 29 2 *"), at("2000-01-01T00:00:00Z"), at("2024-02-01T00:00:00Z")),
            at("2020-02-29T00:00:00Z"));
  EXPECT_EQ(last_due(cron("0 0 1 * *"), at("2024-01-01T00:00:00Z"), at("2024-01-31T00:00:00Z")), std::nullopt);
}

TEST(Schedule, a_cron_line_that_is_wrong_names_its_field) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "cron: it has 0 of 5 fields"},
      {"* * * *", "cron: it has 4 of 5 fields"},
      {"* * * * * *", "cron: it has 6 of 5 fields"},
      {"60 * * * *", "cron: minute '60': 60 is not within 0 to 59"},
      {"* 24 * * *", "cron: hour '24': 24 is not within 0 to 23"},
      {"* * 0 * *", "cron: day of month '0': 0 is not within 1 to 31"},
      {"* * * 13 *", "cron: month '13': 13 is not within 1 to 12"},
      {"* * * * 8", "cron: day of week '8': 8 is not within 0 to 7"},
      {"* * * * mo", "'mo' is no day of week; did you mean 'mon'?"},
      {"* * * jun1 *", "'jun1' is no month; did you mean 'jun'?"},
      {"x * * * *", "cron: minute 'x': 'x' is no minute"},
      {"-5 * * * *", "cron: minute '-5': a value is missing"},
      {"1,,2 * * * *", "cron: minute '1,,2': a value is missing"},
      {"*/0 * * * *", "a step is a number from 1"},
      {"*/ * * * *", "a step is a number from 1"},
      {"1/2/3 * * * *", "more than one step"},
      {"5/10 * * * *", "a step needs a range; write 5-59/10"},
      {"30-10 * * * *", "the range ends before it begins"},
      {"1-2-3 * * * *", "a range has two ends"},
      {"99999999999 * * * *", "is no minute"},
      {"0 0 31 2 *", "cron: it is never due"},
      {"0 0 30-31 feb *", "cron: it is never due"},
      {"@dayly", "did you mean '@daily'?"},
      {"@reboot", "cron: '@reboot' is unknown"},
  };
  for (const auto& [line, expected] : cases) {
    const auto parsed = parse_cron(line);
    ASSERT_FALSE(parsed) << line;
    EXPECT_EQ(parsed.error().fault, Fault::config);
    EXPECT_NE(parsed.error().text().find(expected), std::string::npos) << line << ": " << parsed.error().text();
  }
}

TEST(Schedule, a_time_zone_that_is_unknown_names_the_nearest) {
  const auto near = Zone::find("Europe/Talinn");
  ASSERT_FALSE(near);
  EXPECT_EQ(near.error().text(), "timezone: there is no time zone 'Europe/Talinn'; did you mean 'Europe/Tallinn'?");
  for (const char* name : {"", "Middle/Earth/Shire", "/etc/passwd", "../zoneinfo/UTC", "Europe"}) {
    EXPECT_FALSE(Zone::find(name)) << name;
  }
  EXPECT_TRUE(Zone::find("UTC"));
  EXPECT_TRUE(Zone::find("America/Argentina/Buenos_Aires"));
}

TEST(Schedule, a_date_is_that_of_the_zone) {
  EXPECT_EQ(local_date(*Zone::find("Europe/Tallinn"), at("2024-01-01T22:30:00Z")), "2024-01-02");
  EXPECT_EQ(local_date(Zone(), at("2024-01-01T22:30:00Z")), "2024-01-01");
}

}  // namespace
}  // namespace sluice::schedule
