"""What the wallet says of purchases: coins were credited, or are held for a refund."""

from uuid import UUID

from shared.contracts.wallet import CoinsCredited, CoinsFrozen, Lot, LotKind, lot_id


def a_coins_credited(purchase, *, viewer="mira", coins=100):
    return CoinsCredited(
        viewer=viewer,
        purchase=UUID(purchase),
        coins=coins,
        lots=(Lot(lot=UUID(purchase), kind=LotKind.PAID, coins=coins),),
        balance_coins=coins,
    )


def coins_held(purchase, refund, *, paid=500, bonus=25):
    purchase = UUID(purchase)
    lots = tuple(
        Lot(lot=lot_id(purchase, kind), kind=kind, coins=coins)
        for kind, coins in ((LotKind.PAID, paid), (LotKind.BONUS, bonus))
        if coins
    )
    return CoinsFrozen(
        viewer="mira",
        purchase=purchase,
        freeze=refund,
        coins=paid + bonus,
        lots=lots,
        balance_coins=0,
    )
