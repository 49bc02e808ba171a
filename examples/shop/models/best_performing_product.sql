-- The product with the most review points: each table is aggregated before it is joined, since a join of rows with
-- rows would count them several times.
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
  coalesce(d.day_of_the_week_num between 1 and 5 and d.working_day = false, false) as is_public_holiday,
  cast(b.points as int) as tt_review_points,
  cast(100.0 * b.one_star / b.total as double precision) as pct_one_star_review,
  cast(100.0 * b.two_star / b.total as double precision) as pct_two_star_review,
  cast(100.0 * b.three_star / b.total as double precision) as pct_three_star_review,
  cast(100.0 * b.four_star / b.total as double precision) as pct_four_star_review,
  cast(100.0 * b.five_star / b.total as double precision) as pct_five_star_review,
  coalesce(cast(100.0 * shipments.early / nullif(shipments.early + shipments.late, 0) as double precision), 0)
    as pct_early_shipments,
  coalesce(cast(100.0 * shipments.late / nullif(shipments.early + shipments.late, 0) as double precision), 0)
    as pct_late_shipments
from best b
join if_common.dim_products p on p.product_id = b.product_id
cross join best_day
cross join shipments
left join if_common.dim_dates d on d.calendar_dt = best_day.order_date
