-- Shipments that left late and have not arrived, and items that never left. An order has one shipment.
select
  :'run_date'::date as ingestion_date,
  cast(count(*) filter (where s.shipment_date >= o.order_date + 6 and s.delivery_date is null) as int)
    as tt_late_shipments,
  cast(count(*) filter (where s.shipment_date is null and s.delivery_date is null
                          and :'as_of'::date >= o.order_date + 15) as int) as tt_undelivered_items
from :"staging".shipments_deliveries s
join :"staging".orders o on o.order_id = s.order_id
