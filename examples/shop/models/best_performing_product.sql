-- The product with the most review points: each table is aggregated before it is joined, since a join of rows with
-- rows would count them several times. A percentage is one division of doubles, which every database rounds alike.
-- What is missing (no review, no order, no name, a day that is not in the calendar) makes NULL, which the table
-- refuses: a row that is not made at all would be seen by no test.
with reviews as (
  select product_id,
         sum(review) as points,
         count(*) as total,
         count(*) filter (where review = 1) as one_star,
         count(*) filter (where review = 2) as two_star,
         count(*) filter (where review = 3) as three_star,
         count(*) filter (where review = 4) as four_star,
         count(*) filter (where review = 5) as five_star
  from :"staging".reviews
  group by product_id
),
best as (
  select * from reviews order by points desc, product_id limit 1
),
order_days as (
  select o.order_date, count(*) as orders, sum(o.quantity) as units
  from :"staging".orders o
  join best b on b.product_id = o.product_id
  group by o.order_date
),
best_day as (
  select order_date from order_days order by orders desc, units desc, order_date limit 1
),
shipments as (
  select count(*) filter (where s.delivery_date is not null and s.shipment_date < o.order_date + 6) as early,
         count(*) filter (where s.delivery_date is null and s.shipment_date >= o.order_date + 6) as late
  from :"staging".shipments_deliveries s
  join :"staging".orders o on o.order_id = s.order_id
  join best b on b.product_id = o.product_id
)
select
  :'run_date'::date as ingestion_date,
  p.product_name,
  best_day.order_date as most_ordered_day,
  d.day_of_the_week_num between 1 and 5 and d.working_day = false as is_public_holiday,
  cast(b.points as int) as tt_review_points,
  cast(100 * b.one_star as double precision) / b.total as pct_one_star_review,
  cast(100 * b.two_star as double precision) / b.total as pct_two_star_review,
  cast(100 * b.three_star as double precision) / b.total as pct_three_star_review,
  cast(100 * b.four_star as double precision) / b.total as pct_four_star_review,
  cast(100 * b.five_star as double precision) / b.total as pct_five_star_review,
  coalesce(cast(100 * shipments.early as double precision) / nullif(shipments.early + shipments.late, 0), 0)
    as pct_early_shipments,
  coalesce(cast(100 * shipments.late as double precision) / nullif(shipments.early + shipments.late, 0), 0)
    as pct_late_shipments
from (select 1 as one) as always
left join best b on true
left join if_common.dim_products p on p.product_id = b.product_id
left join best_day on true
left join shipments on true
left join if_common.dim_dates d on d.calendar_dt = best_day.order_date
