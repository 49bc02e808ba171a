-- Orders placed on a public holiday, by month, over the 12 months that end on the as-of date.
with holiday_orders as (
  select d.month_of_the_year_num as month
  from :"staging".orders o
  join if_common.dim_dates d on d.calendar_dt = o.order_date
  where d.day_of_the_week_num between 1 and 5
    and d.working_day = false
    and o.order_date > :'as_of'::date - interval '1 year'
    and o.order_date <= :'as_of'::date
)
select
  :'run_date'::date as ingestion_date,
  cast(count(*) filter (where month = 1) as int) as tt_order_hol_jan,
  cast(count(*) filter (where month = 2) as int) as tt_order_hol_feb,
  cast(count(*) filter (where month = 3) as int) as tt_order_hol_mar,
  cast(count(*) filter (where month = 4) as int) as tt_order_hol_apr,
  cast(count(*) filter (where month = 5) as int) as tt_order_hol_may,
  cast(count(*) filter (where month = 6) as int) as tt_order_hol_jun,
  cast(count(*) filter (where month = 7) as int) as tt_order_hol_jul,
  cast(count(*) filter (where month = 8) as int) as tt_order_hol_aug,
  cast(count(*) filter (where month = 9) as int) as tt_order_hol_sep,
  cast(count(*) filter (where month = 10) as int) as tt_order_hol_oct,
  cast(count(*) filter (where month = 11) as int) as tt_order_hol_nov,
  cast(count(*) filter (where month = 12) as int) as tt_order_hol_dec
from holiday_orders
