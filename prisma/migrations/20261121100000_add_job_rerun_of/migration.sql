-- A rerun names the job whose spec it repeats.
alter table job add column rerun_of uuid;
