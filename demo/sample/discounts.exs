# A script: a breakpoint stops on its top-level statements as well. Run: mix run discounts.exs
alias Shop.{Discount, Item}

items = [%Item{name: "Tea", price: 300, quantity: 6, tags: [:drink]}]
offers = [%Discount.Percent{tag: :drink, percent: 25}, %Discount.Bundle{name: "Tea", size: 3}]

for offer <- offers do
  IO.puts("#{inspect(offer.__struct__)} saves #{Discount.amount(offer, items)} cents")
end
